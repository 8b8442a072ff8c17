"""What coordinators have in memory in a simulation, on a real disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga
from backend.saga_log import MemorySagaLog
from chaos.explorer.real.disk import Disk, write_disk

LEASE = 10.0


@pytest.fixture
def log() -> MemorySagaLog:
    """One saga that was taken over, parked and tried again; one that waits; one that is over."""
    log = MemorySagaLog()
    for name in ("restless", "waiting", "over"):
        log.create(NewSaga(name, "wiki", name, "ann", {"of": name}), Event(EventType.REQUESTED, 1.0, None, {}))
    fence = log.claim("restless", "first", LEASE, 2.0).fence
    log.append("restless", fence, 2, [Event(EventType.BEGUN, 2.5, None, {"deadline": None, "steps": []})])
    fence = log.claim("restless", "second", LEASE, 20.0).fence
    log.append("restless", fence, 4, [Event(EventType.ROLLBACK_BEGAN, 20.0, None, {"reason": "late"})])
    log.append("restless", fence, 5, [Event(EventType.PARKED, 21.0, "save", {"problem": "stuck", "retry_at": 30.0})])
    log.release("restless", fence, 30.0)
    fence = log.claim("restless", "third", LEASE, 31.0).fence
    log.append("restless", fence, 8, [Event(EventType.ROLLED_BACK, 32.0, None, {"error": "late"})])
    fence = log.claim("over", "first", LEASE, 2.0).fence
    log.append("over", fence, 2, [Event(EventType.ROLLED_BACK, 3.0, None, {"error": "no"})])
    return log


@pytest.fixture
def disk(tmp_path: Path, log: MemorySagaLog) -> Iterator[Disk]:
    write_disk(tmp_path / "disk", {"log": log, "journal": ["a"], "told": {}})
    with closing(Disk(tmp_path / "disk")) as disk:
        yield disk


@pytest.mark.parametrize("saga", ["restless", "waiting", "over"])
def test_a_saga_has_the_same_history_there_link_by_link(log: MemorySagaLog, disk: Disk, saga: str) -> None:
    there = disk["log"]
    assert [(one.seq, one.event, one.hash) for one in there.events(saga)] == [
        (one.seq, one.event, one.hash) for one in log.events(saga)
    ]
    assert there.get(saga).head == log.get(saga).head
    assert there.get(saga).state is log.get(saga).state


def test_nobody_holds_what_is_open_there(disk: Disk) -> None:
    assert disk["log"].claim_next("anybody", LEASE, 100.0, ("wiki",)).saga_id == "waiting"


def test_what_one_process_writes_another_sees_in_the_object_that_it_holds(disk: Disk) -> None:
    with closing(Disk(disk.folder)) as other:
        held = other["journal"], other["told"]
        disk["journal"].append("b")
        disk["told"]["saga"] = "success"
        other.refresh()
        assert held == (["a"], {})
        disk.force()
        other.refresh()
        assert held == (["a", "b"], {"saga": "success"})


def test_a_process_that_starts_later_finds_what_was_forced(disk: Disk) -> None:
    disk["new"] = {1, 2}
    disk["journal"].append("lost")
    with closing(Disk(disk.folder)) as later:
        assert later["journal"] == ["a"]
        assert "new" not in later
    disk.force()
    with closing(Disk(disk.folder)) as later:
        assert (later["journal"], later["new"]) == (["a", "lost"], {1, 2})


def test_what_cannot_be_on_a_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'door'"):
        write_disk(tmp_path / "disk", {"door": lambda: None})
