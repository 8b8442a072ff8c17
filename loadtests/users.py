"""The users of a load test: they generate, overwrite the same project, cancel, and read."""

from __future__ import annotations

import itertools
import json
import os
import random
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from locust import HttpUser, between, task

from chaos.experiments.client import DECIDED, documents, told
from chaos.running_system import RunningSystem
from loadtests.answers import retry_after
from loadtests.faults import NOTHING
from loadtests.options import results_of, state_of

SOONEST, LATEST = 0.15, 1.0  # seconds between two looks at a saga: often at first, then less so
PATIENCE = 60.0  # seconds until a saga must be decided, and for which a user who is turned away comes back
GENERATION, ROLLBACK, WITHOUT_EFFECTS = "generation", "rollback", "failed without effects"
TURNED_AWAY = "turned away (429)"
SAGA = "SAGA"
"""The request type under which sagas appear in Locust's statistics."""
_numbers = itertools.count(1)


class RolledBack(Exception):
    """Without faults a generation that is rolled back has failed."""


class Undecided(Exception):
    """The saga was not decided in time."""


class WikiUser(HttpUser):
    """What all users share; ``projects`` are the names that they work on."""

    abstract = True
    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        options = self.environment.parsed_options
        system = RunningSystem.load(state_of(self.environment))
        self.client.trust_env = False
        process, number = getattr(self.environment.runner, "worker_index", 0), next(_numbers)
        self.client.headers["Authorization"] = f"Bearer {system.user_token(f'locust-{process}-{number}')}"
        self.chance = random.Random(f"{options.seed}-{process}-{number}")
        self.projects = [f"load-{number}" for number in range(options.projects)]
        self.calm = options.chaos == NOTHING
        self.told_to: Path = results_of(self.environment) / "told.jsonl"

    def generate(self, project: str) -> None:
        """New documents, a generation, and what came of it."""
        if self.write(project) and (saga_id := self.begin(project)):
            self.follow(saga_id)

    def write(self, project: str) -> bool:
        body = {"documents": documents(project, f"{self.chance.random()}")}
        path = f"/api/projects/{project}/documents"
        return bool(self.client.post(path, json=body, name="/api/projects/[p]/documents").ok)

    def begin(self, project: str) -> str | None:
        """Start a generation. To be turned away is a right answer of a full queue: the user comes back when told to."""
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        path, waited = f"/api/projects/{project}/wiki", 0.0
        while waited < PATIENCE:
            with self.client.post(path, headers=headers, name="/api/projects/[p]/wiki", catch_response=True) as answer:
                if answer.status_code != 429:
                    return str(answer.json()["saga_id"]) if answer.ok else None
                seconds = retry_after(answer.headers)
                if seconds is None:
                    answer.failure("429 does not say when to come back")
                    return None
                answer.success()
            self.fire(TURNED_AWAY, seconds, None)
            time.sleep(seconds)
            waited += seconds
        return None

    def follow(self, saga_id: str) -> None:
        """Wait until the saga is decided; its time, and that of its rollback, become events of Locust."""
        status = self.end_of(saga_id)
        if status.get("state") not in DECIDED:
            self.fire(GENERATION, PATIENCE, Undecided(f"{saga_id} is {status.get('state')}"))
            return
        self.tell(status)
        self.fire(GENERATION, status["updated_at"] - status["created_at"], self.complaint(status))
        if status["state"] == "rolled_back":
            self.measure_rollback(saga_id)

    def end_of(self, saga_id: str) -> Mapping[str, Any]:
        """The saga's status once it is decided, or as it was last seen after PATIENCE."""
        end, pause = time.perf_counter() + PATIENCE, SOONEST
        status: Mapping[str, Any] = {}
        while status.get("state") not in DECIDED and time.perf_counter() < end:
            time.sleep(pause)
            pause = min(LATEST, pause * 1.3)
            answer = self.client.get(f"/api/sagas/{saga_id}", name="/api/sagas/[id]")
            status = answer.json() if answer.ok else {}
        return status

    def complaint(self, status: Mapping[str, Any]) -> Exception | None:
        """Under faults a rollback is a proper end; a stuck one never is."""
        if status["state"] == "committed" or (status["state"] == "rolled_back" and not self.calm):
            return None
        return RolledBack(f"{status['state']}: {status.get('error')}")

    def measure_rollback(self, saga_id: str) -> None:
        answer = self.client.get(f"/api/sagas/{saga_id}/events", name="/api/sagas/[id]/events")
        times = {event["type"]: event["at"] for event in answer.json()["events"]} if answer.ok else {}
        if "saga.rollback_began" in times:
            self.fire(ROLLBACK, times["saga.rolled_back"] - times["saga.rollback_began"], None)
        else:
            self.fire(WITHOUT_EFFECTS, 0.0, None)

    def fire(self, name: str, seconds: float, exception: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type=SAGA,
            name=name,
            response_time=seconds * 1000,
            response_length=0,
            exception=exception,
            context={},
        )

    def tell(self, status: Mapping[str, Any]) -> None:
        """One line of the journal; one write, so that lines of several processes do not mix."""
        line = json.dumps(told(dict(status))) + "\n"
        descriptor = os.open(self.told_to, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


class Generator(WikiUser):
    """Generates wikis of many projects."""

    weight = 5

    @task
    def any_project(self) -> None:
        self.generate(self.chance.choice(self.projects))


class Overwriter(WikiUser):
    """Generates the same project's wiki over and over, against all others of its kind."""

    weight = 2

    @task
    def same_project(self) -> None:
        self.generate(self.projects[0])


class Canceller(WikiUser):
    """Starts a generation and thinks better of it."""

    weight = 1

    @task
    def cancel(self) -> None:
        project = f"{self.chance.choice(self.projects)}-cancelled"
        if not self.write(project) or (saga_id := self.begin(project)) is None:
            return
        time.sleep(self.chance.uniform(0, 0.3))
        path, body = f"/api/sagas/{saga_id}/cancel", {"reason": "changed my mind"}
        with self.client.post(path, json=body, name="/api/sagas/[id]/cancel", catch_response=True) as answer:
            if answer.status_code == 409:  # it was decided before
                answer.success()
        status = self.end_of(saga_id)
        if status.get("state") in DECIDED:  # it is told, and no generation of the statistics: it was not to succeed
            self.tell(status)
        else:
            self.fire(GENERATION, PATIENCE, Undecided(f"{saga_id}, cancelled"))


class Reader(WikiUser):
    """Looks at lists, statistics and single sagas, and thinks about what it sees."""

    weight = 2
    wait_time = between(0.5, 2)

    @task(3)
    def list_sagas(self) -> None:
        answer = self.client.get("/api/sagas?limit=20", name="/api/sagas")
        if answer.ok and (sagas := answer.json()["sagas"]):
            self.client.get(f"/api/sagas/{self.chance.choice(sagas)['saga_id']}", name="/api/sagas/[id]")

    @task(1)
    def statistics(self) -> None:
        self.client.get("/api/stats?window=60", name="/api/stats")
