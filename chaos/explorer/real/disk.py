"""What coordinators keep on their disk, in a real folder: what a scenario calls ``system.durable``."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from backend.saga.events import Event, EventType
from backend.saga.history import AUTOMATIC
from backend.saga.ports import NewSaga, SagaLog
from backend.saga_log import MemorySagaLog, SqlSagaLog

_LOG, _OBJECT = ".sqlite3", ".pickle"


def write_disk(folder: Path, durable: Mapping[str, object]) -> None:
    """Put on disk what a scenario has in memory: saga logs as SQLite, event by event; anything else as it is.

    Raises:
        TypeError: something cannot be written; the message names it.
    """
    folder.mkdir(parents=True)
    for name, thing in durable.items():
        if isinstance(thing, MemorySagaLog):
            log = SqlSagaLog(_url(folder / f"{name}{_LOG}"))
            _copy(thing, log)
            log.close()
        else:
            _write(folder / f"{name}{_OBJECT}", _pickled(name, thing))


class Disk(dict[str, Any]):
    """The folder as one process has it open. Close it.

    Objects are written by ``force`` and, where another process wrote them since, taken from the file by ``refresh``.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._bytes: dict[str, bytes] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix == _LOG:
                self[path.stem] = SqlSagaLog(_url(path))
            elif path.suffix == _OBJECT:
                self._bytes[path.stem] = path.read_bytes()
                self[path.stem] = pickle.loads(self._bytes[path.stem])  # noqa: S301 - our own, of a moment ago

    def force(self) -> None:
        """Write every object that changed, durably."""
        for name, thing in self.items():
            if not isinstance(thing, SqlSagaLog) and (content := _pickled(name, thing)) != self._bytes.get(name):
                self._bytes[name] = content
                _write(self.folder / f"{name}{_OBJECT}", content)

    def refresh(self) -> None:
        """Bring every object up to date, in place: who holds it sees what others wrote."""
        for path in self.folder.glob(f"*{_OBJECT}"):
            content = path.read_bytes()
            if content != self._bytes.get(path.stem):
                self._bytes[path.stem] = content
                self[path.stem] = _updated(self.get(path.stem), pickle.loads(content))  # noqa: S301 - as above

    def close(self) -> None:
        for thing in self.values():
            if isinstance(thing, SqlSagaLog):
                thing.close()


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _copy(source: MemorySagaLog, target: SagaLog) -> None:
    """Every saga with its whole history; nobody holds any of them."""
    for saga_id in dict.fromkeys(entry.saga_id for entry in source.all_events(0, source.last_position())):
        one, (first, *rest) = source.get(saga_id), [entry.event for entry in source.events(saga_id)]
        new = NewSaga(saga_id, one.saga_type, one.project_id, one.user_id, one.parameters)
        here = target.create(new, first, forced=False)
        for event in rest:
            if event.type is EventType.CLAIMED:
                if event.data["lost"] is None:
                    target.release(saga_id, here.fence, 0.0)
                here = target.claim(saga_id, event.data["worker"], 0.0, event.at)
            elif not _came_with_the_claim(event):
                target.append(saga_id, here.fence, target.get(saga_id).last_seq, [event])
        target.release(saga_id, here.fence, one.wake_at)


def _came_with_the_claim(event: Event) -> bool:
    return event.type is EventType.RETRY_REQUESTED and event.data.get("by") == AUTOMATIC


def _pickled(name: str, thing: object) -> bytes:
    try:
        return pickle.dumps(thing)
    except Exception as error:
        raise TypeError(f"durable[{name!r}] cannot be kept on a real disk: {error}") from error


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _updated(old: Any, new: Any) -> Any:
    """``old`` with the content of ``new``, where it can be changed; else ``new``."""
    if type(old) is not type(new):
        return new
    ways: Mapping[type, Callable[[], object]] = {
        dict: lambda: (old.clear(), old.update(new)),
        list: lambda: old.__setitem__(slice(None), new),
        set: lambda: (old.clear(), old.update(new)),
    }
    if type(old) in ways:
        ways[type(old)]()
        return old
    with suppress(AttributeError, TypeError):
        vars(old).clear()
        vars(old).update(vars(new))
        return old
    return new
