"""``processes.json``: every process that was started in a state folder, and how, so that it can be started again.

Only its owner can read it: settings passed on to the services may hold the password of a server that the user named.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from chaos.running_system import PROCESSES_FILE as FILE
from testbed.layout import ProcessSpec
from testbed.private import write_private
from testbed.processes import ProcessRecord

LOCK = "lock"


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Alone with the records of a state folder; the kernel lets go when the holder dies."""
    with (state / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read(state: Path) -> dict[str, ProcessRecord]:
    """The records by name; empty when there is no file."""
    try:
        rows = json.loads((state / FILE).read_text())
    except FileNotFoundError:
        return {}
    return {row["spec"]["name"]: _record(row) for row in rows}


def write(state: Path, records: Iterable[ProcessRecord]) -> None:
    """Replace the file in one step."""
    rows = [asdict(record) for record in records]
    for row in rows:
        row["spec"]["needs"] = sorted(row["spec"]["needs"])
    write_private(state / FILE, json.dumps(rows, indent=1))


def forget(state: Path) -> None:
    """There is no process any more."""
    (state / FILE).unlink(missing_ok=True)


def _record(row: dict[str, object]) -> ProcessRecord:
    spec = dict(row.pop("spec"))  # type: ignore[call-overload]
    spec |= {"argv": tuple(spec["argv"]), "secrets": tuple(spec["secrets"]), "needs": frozenset(spec["needs"])}
    return ProcessRecord(spec=ProcessSpec(**spec), **row)  # type: ignore[arg-type]
