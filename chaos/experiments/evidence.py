"""A Chaos Toolkit control: begins the run, and leaves everything that it saw in a folder of its own.

``<state>/evidence/<time>-<name>/``: ``journal.json`` (Chaos Toolkit's), ``told.jsonl`` (what clients were told),
``saga-events.jsonl``, ``proxy-events.jsonl``, ``verdict.json`` (the whole audit), ``outcome.json``, ``report.html``,
``logs/``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from chaoslib.exceptions import InterruptExecution

from chaos.auditor.collectors.log_database import open_log
from chaos.compose_project import ComposeProject, docker
from chaos.experiments.client import DECIDED, told
from chaos.experiments.judging import judge
from chaos.experiments.needs import why_not
from chaos.experiments.report import page, section_of
from chaos.experiments.run import Run, begin, current
from chaos.experiments.timeline import JOURNAL, OUTCOME, SAGA_EVENTS, read_evidence
from chaos.running_system import RunningSystem


def before_experiment_control(context: dict[str, Any], configuration: dict[str, Any], **_: Any) -> None:
    """Begin the run, or skip what cannot be done here."""
    run = begin(configuration)
    if lacking := _lacking(context, run):
        raise InterruptExecution(f"skipped: {lacking}")


def _lacking(context: dict[str, Any], run: Run) -> str:
    in_containers = ComposeProject.of(run.system.state) is not None
    return why_not(context.get("tags", ()), knows_requests=run.knows_requests, in_containers=in_containers)


def after_activity_control(context: dict[str, Any], state: dict[str, Any], configuration: dict[str, Any]) -> None:
    """An action that could not be done breaks the claim: Chaos Toolkit alone would go on as if nothing were."""
    if context.get("type") == "action" and state.get("status") == "failed":
        why = (state.get("exception") or ["it failed"])[-1].strip()
        current(configuration).problems.append(f"{context['name']}: {why}")


def after_experiment_control(context: dict[str, Any], state: dict[str, Any], configuration: dict[str, Any]) -> None:
    """Write the folder."""
    run = current(configuration)
    folder = folder_of(run)
    (folder / JOURNAL).write_text(json.dumps(state, indent=1, default=str))
    _lines(folder / SAGA_EVENTS, saga_events(run.system, run.began))
    if run.knows_requests:
        with suppress(requests.RequestException):  # it could not be healed: all else is still to be had
            _lines(folder / "proxy-events.jsonl", run.proxy.events(run.proxy_event))
    if run.report is not None:
        (folder / "verdict.json").write_text(json.dumps(run.report.to_json(), indent=1))
    word, why = judge(state, run.left)
    outcome = {"name": run.project.removeprefix("chaos-"), "verdict": str(word), "why": why}
    (folder / OUTCOME).write_text(json.dumps(outcome | {"claim": context["description"]}, indent=1))
    (folder / "report.html").write_text(page([section_of(read_evidence(folder))]))
    run.machinery.save_logs(folder / "logs")


def folder_of(run: Run) -> Path:
    """The run's folder; made when it is not there."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(run.began))
    folder = run.system.state / "evidence" / f"{stamp}-{run.project.removeprefix('chaos-')}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_journal(run: Run) -> Path:
    """What clients were told in this run, in the form that the auditor reads."""
    path = folder_of(run) / "told.jsonl"
    _lines(path, (told(status) for status in run.answers if status["state"] in DECIDED))
    return path


def saga_events(system: RunningSystem, since: float) -> Iterable[dict[str, Any]]:
    """What the saga log says since then (Unix seconds), oldest first."""
    if compose := ComposeProject.of(system.state):
        command = compose.inside_command("python", "-m", "chaos.inside", "events", repr(since))
        yield from map(json.loads, docker(*command[1:]).stdout.splitlines())
        return
    with open_log(system.saga_log) as database:
        for row in database.rows("SELECT position, saga_id, seq, type, step, at, data FROM events ORDER BY position"):
            if row["at"] >= since:
                yield dict(row) | {"data": json.loads(row["data"])}


def _lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
