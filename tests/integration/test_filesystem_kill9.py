"""While a killer sends kill -9 to a server of several workers, every saga ends whole or gone (R6, R7)."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.integration.filesystem_story import P, leftovers, on_disk
from tests.integration.filesystem_support import DEADLINE_SECONDS, Server, headers, serving

SECONDS = float(os.environ.get("KILL_SECONDS", "4"))
CLIENTS = 3
UNCLEAR = 0


@dataclass
class Coordinator:
    """Runs one saga after the other on its own files; repeats every call until its answer is definite."""

    server: Server
    number: int
    seed: int
    disk: dict[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)
    calls: int = 0
    unclear: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        dice = random.Random(f"{self.seed}-{self.number}")
        saga = 0
        while not stop.is_set():
            saga += 1
            self.one_saga(f"saga-{self.number}-{saga}", dice)

    def one_saga(self, saga_id: str, dice: random.Random) -> None:
        names = [f"c{self.number}/{name}.md" for name in dice.sample("abcdefgh", dice.randint(1, 8))]
        files = {name: f"{saga_id} {name} {dice.random()}" * 50 for name in names}
        if dice.random() < 0.5:
            body = {"saga_id": saga_id, "files": [{"filename": n, "content": c} for n, c in files.items()]}
            self.expect(201, "POST", f"/files/{P}", saga_id, json=body)
        else:
            for name, content in files.items():
                body = {"project_id": P, "filename": name, "content": content}
                self.expect(201, "POST", "/save_file", saga_id, json=body)
        if dice.random() < 0.5:
            self.expect(200, "POST", f"/saga/{saga_id}/confirm", saga_id)
            self.disk |= files
        else:
            self.expect(204, "DELETE", f"/files/{P}", saga_id)
            self.expect(
                409, "POST", "/save_file", saga_id, json={"project_id": P, "filename": names[0], "content": "late"}
            )

    def expect(self, status: int, method: str, path: str, saga_id: str, json: object = None) -> None:
        until = time.monotonic() + DEADLINE_SECONDS
        found = UNCLEAR
        while time.monotonic() < until:
            found = self.call(method, path, saga_id, json)
            if found != UNCLEAR:
                break
        if found != status:
            self.wrong.append(f"{method} {path} of {saga_id}: {found} instead of {status}")

    def call(self, method: str, path: str, saga_id: str, json: object) -> int:
        self.calls += 1
        try:
            answer = self.session.request(
                method, self.server.url + path, headers=headers(P, saga_id), json=json, timeout=5
            )
        except requests.RequestException:
            self.unclear += 1
            return UNCLEAR
        return answer.status_code


def killer(server: Server, stop: threading.Event, dice: random.Random) -> int:
    """Kill workers, now and then all processes at once, until told to stop; how many kills."""
    kills = 0
    while not stop.wait(dice.uniform(0.1, 0.4)):
        workers = server.worker_pids()
        if dice.random() < 0.2:
            server.kill_all()
            server.start()
            kills += 1
        elif workers:
            os.kill(dice.choice(workers), signal.SIGKILL)
            kills += 1
    return kills


def test_sagas_end_whole_or_gone_while_workers_are_killed(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    stop = threading.Event()
    with serving(tmp_path / "data", workers=2) as server:
        coordinators = [Coordinator(server, number, seed) for number in range(CLIENTS)]
        threads = [threading.Thread(target=one.run, args=(stop,)) for one in coordinators]
        for thread in threads:
            thread.start()
        ended = threading.Timer(SECONDS, stop.set)
        ended.start()
        kills = killer(server, stop, random.Random(seed))
        for thread in threads:
            thread.join()
        for one in coordinators:
            one.session.close()
        server.wait_ready()
        found = on_disk(server.data)
        assert leftovers(server.data) == []
    assert [fault for one in coordinators for fault in one.wrong] == []
    assert found == {name: content.encode() for one in coordinators for name, content in one.disk.items()}
    calls, unclear = sum(one.calls for one in coordinators), sum(one.unclear for one in coordinators)
    print(f"{kills} kills survived, {calls} calls, {unclear} of them unclear and repeated")
    assert kills >= 3 and unclear >= 1, "the killer must have hit something"
