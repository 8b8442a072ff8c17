"""What a log has no room for is refused by its name before anything is done, whichever log it is."""

from __future__ import annotations

import pytest

from backend.distributed_saga import DistributedSaga, WikiGenerationSaga
from backend.saga import limits
from backend.saga_log import MemorySagaLog
from backend.saga_log.schema import events, sagas


@pytest.mark.parametrize(
    ("field", "most"),
    [("saga_id", limits.SAGA_ID), ("project_id", limits.PROJECT_ID), ("user_id", limits.USER_ID)],
)
def test_an_id_that_is_too_long_or_holds_a_nul_is_named(field: str, most: int) -> None:
    ids = {"saga_id": "trip-1", "project_id": "p", "user_id": "ann"}
    DistributedSaga(**ids | {field: "x" * most}, log=MemorySagaLog())
    for bad in ("x" * (most + 1), "a\0b"):
        with pytest.raises(ValueError, match=f"^{field}: "):
            DistributedSaga(**ids | {field: bad}, log=MemorySagaLog())


def test_so_is_the_user_of_a_wiki() -> None:
    with pytest.raises(ValueError, match=r"^user_id: "):
        WikiGenerationSaga("proj-123", "u" * (limits.USER_ID + 1), "http://127.0.0.1:9", "http://127.0.0.1:9", {})


@pytest.mark.parametrize("name", ["n" * (limits.STEP + 1), "a\0b"])
def test_so_is_the_name_of_a_step_and_the_saga_stays_as_it_was(name: str) -> None:
    saga = DistributedSaga("trip-1", log=MemorySagaLog())
    with pytest.raises(ValueError, match=r"^step name: "):
        saga.add_step(name, action=lambda: None)
    assert saga.steps == []


def test_the_columns_have_room_for_just_that() -> None:
    names = ("saga_id", "project_id", "user_id", "request_key")
    assert [sagas.c[name].type.length for name in names] == [300, 255, 255, 255]
    assert [events.c[name].type.length for name in ("saga_id", "step")] == [300, 200]
