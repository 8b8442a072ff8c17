"""What the acts of the demo share: the system, what to show, and what clients were told."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.rule import Rule

from backend.wiki.documents import Document
from chaos.experiments import own_clock
from chaos.experiments.client import DECIDED, BackendClient, told
from chaos.experiments.proxy import FaultProxy
from chaos.running_system import WORKER, RunningSystem
from testbed import supervisor
from testbed.errors import Failure

DECIDED_LIMIT = 60.0  # seconds for a generation to be decided
POLL = 0.05
LOG_LINES = 14
LINE = 150  # characters of a log line that are shown
BATCH = 200  # documents in one request


class Surprise(Failure):
    """The system did not do what the act was there to show."""


@dataclass
class Stage:
    """One run of the demo."""

    out: Console
    system: RunningSystem
    documents: Sequence[Document]
    project: str
    surprises: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = BackendClient(self.system, user="demo")
        self.proxy = FaultProxy(self.system)
        self.journal = self.system.state / "journal.jsonl"
        self.journal.touch()

    def act(self, number: int, title: str) -> None:
        """Announce an act."""
        self.out.print()
        self.out.print(Rule(f"[bold]{number}. {title}[/bold]", align="left"))

    def say(self, text: str) -> None:
        self.out.print(text)

    def expect(self, holds: bool, claim: str) -> None:
        """Show whether ``claim`` holds; the demo's exit status remembers one that does not."""
        self.out.print(f"  [green]✓[/green] {claim}" if holds else f"  [red]✗ NOT TRUE: {claim}[/red]")
        if not holds:
            self.surprises.append(claim)

    def ingest(self, documents: Sequence[Document]) -> None:
        """Send ``documents`` to the backend, which stores them in Chroma."""
        rows = [
            {"doc_id": d.doc_id, "title": d.title, "format": d.format, "text": d.text, "source": d.source}
            for d in documents
        ]
        for start in range(0, len(rows), BATCH):
            self.client.add_documents(self.project, rows[start : start + BATCH])

    def generate(self, until: Callable[[Mapping[str, Any]], bool] | None = None) -> dict[str, Any]:
        """Start a generation and show its steps until it is decided, or until ``until`` says so."""
        saga_id = self.client.start(self.project)["saga_id"]
        with self.out.status(f"{saga_id}: asked for") as spinner:
            return self._follow(saga_id, until, spinner.update)

    def settle(self, saga_id: str) -> dict[str, Any]:
        """Wait until the saga is decided, and put into the journal what a client is told then."""
        with self.out.status(f"{saga_id}: waiting for its end") as spinner:
            return self._follow(saga_id, None, spinner.update)

    def _follow(
        self, saga_id: str, until: Callable[[Mapping[str, Any]], bool] | None, show: Callable[[str], None]
    ) -> dict[str, Any]:
        deadline = time.monotonic() + DECIDED_LIMIT
        while time.monotonic() < deadline:
            status = self.client.status(saga_id)
            show(f"{saga_id}: {status['state']}  {_steps(status)}")
            if until is not None and until(status):
                return status
            if until is None and status["state"] in DECIDED:
                self._note(status)
                return status
            time.sleep(POLL)
        raise Surprise(f"saga {saga_id} was not decided within {DECIDED_LIMIT:g} s; see {self.system.state}/logs")

    def _note(self, status: Mapping[str, Any]) -> None:
        with self.journal.open("a") as file:
            file.write(json.dumps(told(dict(status))) + "\n")

    def log_lines(self, saga_id: str) -> list[str]:
        """What the worker logged about one saga."""
        log = supervisor.log_of(self.system.state, WORKER).read_text(errors="replace")
        return [line[line.index("[") :] for line in log.splitlines() if f"[{saga_id}]" in line]

    def show_log(self, saga_id: str) -> None:
        """Show the end of the worker's log of one saga, shortened to the width of a line."""
        for line in self.log_lines(saga_id)[-LOG_LINES:]:
            self.out.print(f"    {_short(line)}", style="dim", markup=False)

    def on_disk(self) -> dict[str, str]:
        """The project's files as they are on filesystem_server's disk: name to sha256."""
        root = self.system.data / "filesystem_server" / self.project
        files = (path for path in sorted(root.rglob("*")) if path.is_file())
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def replaced_by(self, saga_id: str) -> dict[str, str | None]:
        """What the saga's save replaced: file name to the sha256 of what was there before, or None."""
        done = (event for event in self.client.events(saga_id) if event["type"] == "step.done")
        rows: list[dict[str, Any]] = next(
            (event["data"]["result"]["files"] for event in done if event["step"] == "Save wiki files"), []
        )
        return {row["filename"]: row["replaced"] for row in rows if row["replaced"] != row["sha256"]}

    def refused_saves(self) -> int:
        """How many saves filesystem_server has answered with 409, by its own metrics."""
        text = requests.get(f"{self.system.url('filesystem_server')}/metrics", timeout=10).text
        wanted = ("http_requests_total", 'method="POST"', 'status="409"')
        return int(sum(float(line.split()[-1]) for line in text.splitlines() if all(part in line for part in wanted)))

    def git(self, *arguments: str) -> str:
        """What git says about the project's real repository."""
        repository = self.system.data / "git_server" / f"{self.project}.git"
        command = ["git", "-c", f"safe.directory={repository}", "-C", str(repository), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def head(self) -> str:
        """The commit that main points to, or nothing."""
        return self.git("rev-parse", "--verify", "--quiet", "main")

    def show(self, text: str, lines: int) -> None:
        """Show the first lines of a command's output."""
        rows = text.splitlines()
        for row in rows[:lines]:
            self.out.print(f"    {row}", style="dim", markup=False)
        if len(rows) > lines:
            self.out.print(f"    [dim]… {len(rows) - lines} more lines[/dim]")


def clean(folder: Path) -> None:
    """Remove what an earlier demo left in ``folder``; refuses one that is no state folder."""
    import shutil

    if not folder.exists():
        return
    strangers = [p.name for p in folder.iterdir() if p.name not in _OURS]
    if strangers:
        raise Failure(f"{folder} holds {strangers[0]!r}, which is no testbed's: name another folder with --state")
    shutil.rmtree(folder)


_OURS = frozenset(
    {"data", "logs", "evidence", "journal.jsonl", "secrets.env", "system.json", "processes.json", "fault-proxy.json"}
    | {"lock", "load", own_clock.NAME}
)


def _short(line: str) -> str:
    return line if len(line) <= LINE else line[: LINE - 1] + "…"


def _steps(status: Mapping[str, Any]) -> str:
    return "  ".join(f"{step['name']}: {step['state']}" for step in status.get("steps", ()))
