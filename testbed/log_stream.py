"""The logs of all processes as one stream of lines, each behind the name of its process."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from testbed import processes, records, supervisor
from testbed.processes import ProcessRecord

COLOURS = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta")
MOST_BYTES = 256 * 1024  # of one log at a time


class LogStream:
    """Follows the logs in a state folder from where the processes running now began; notes when one ends or starts."""

    def __init__(self, state: Path) -> None:
        self._state = state
        started = records.read(state)
        self._offsets = {name: record.log_offset for name, record in started.items()}
        self._alive = {name: record.pid for name, record in started.items()}
        self._colours = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(sorted(started))}

    def show_news(self, out: Console) -> None:
        """Print the whole lines that were written since the last time."""
        for name in self._offsets:
            for line in self._new_lines(name):
                out.print(self._prefixed(name, line))
        for record in records.read(self._state).values():
            self._note_change(record, out)

    def _new_lines(self, name: str) -> list[str]:
        with supervisor.log_of(self._state, name).open("rb") as file:
            file.seek(self._offsets[name])
            data = file.read(MOST_BYTES)
        whole = data if len(data) == MOST_BYTES else data[: data.rfind(b"\n") + 1]
        self._offsets[name] += len(whole)
        return whole.decode(errors="replace").splitlines()

    def _prefixed(self, name: str, line: str) -> Text:
        return Text(f"{name:18}", style=self._colours[name]).append(f" {line}", style="default")

    def _note_change(self, record: ProcessRecord, out: Console) -> None:
        name, known = record.name, self._alive.get(record.name)
        if known != record.pid:
            self._alive[name] = record.pid
            out.print(Text(f"{name} was started again (pid {record.pid})", style="bold green"))
        elif known and not processes.lives(record):
            self._alive[name] = 0
            advice = f"`testbed start {name} --state {self._state}` starts it again"
            out.print(Text(f"{name} ended; {advice}", style="bold red"))
