"""The backend's stream of events, block by block: from any point, for whom it is, for how many (R12)."""

from __future__ import annotations

import json
import time

import pytest

from tests.integration import saga_stories as told
from tests.integration.backend_app import user_token
from tests.integration.backend_fixtures import fields_of, problem_of, written


class Reader:
    """Reads one stream of server-sent events, block by block."""

    def __init__(self, backend, query="", token=None, **headers):
        self.response = backend.get(f"/api/events{query}", token=token, headers=headers, buffered=False)
        self.parts = self.response.iter_encoded()

    def take(self, count):
        """``count`` events as (id, type, data); the first block, which has no data, is passed over."""
        found = []
        while len(found) < count:
            fields = dict(line.split(": ", 1) for line in self.block().strip().split("\n"))
            if "data" in fields:
                found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        return found

    def block(self):
        return next(self.parts).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()


def test_the_stream_tells_the_whole_log_and_resumes_after_any_event(full):
    with Reader(full) as reader:
        assert reader.response.content_type == "text/event-stream"
        whole = reader.take(written(full))
    assert [position for position, _, _ in whole] == list(range(1, written(full) + 1))
    assert whole[0][1:] == ("saga.requested", whole[0][2])
    assert whole[0][2]["data"] == {"project": "p1", "user": "ada"}
    with Reader(full, **{"Last-Event-ID": "7"}) as reader:
        assert reader.take(3) == whole[7:10]
    with Reader(full, "?after=7") as reader:
        assert reader.take(3) == whole[7:10]


def test_the_stream_can_begin_at_the_end_of_the_log(fresh):
    with Reader(fresh, "?after=latest") as reader:
        assert f"id: {written(fresh)}\n" in reader.block()
        told.failed_early(fresh.log, "new", time.time(), project="p9")
        assert [data["saga_id"] for _, _, data in reader.take(3)] == ["new"] * 3


def test_the_stream_shows_only_the_tokens_project(full):
    with Reader(full, token=user_token("p5")) as reader:
        assert [data["saga_id"] for _, _, data in reader.take(3)] == ["early"] * 3


@pytest.mark.parametrize("position", ["-1", "x", "1.5", "9" * 19, "latest-"])
def test_a_bad_position_is_named(full, position):
    assert fields_of(full.get("/api/events", headers={"Last-Event-ID": position})) == ["Last-Event-ID"]
    assert fields_of(full.get(f"/api/events?after={position}")) == ["Last-Event-ID"]


def test_readers_cannot_take_all_threads_and_who_leaves_makes_room(fresh):
    readers = [Reader(fresh) for _ in range(4)]
    response = fresh.get("/api/events")
    problem_of(response, 503, "unavailable")
    assert response.headers["Retry-After"]
    readers.pop().response.close()
    with Reader(fresh) as reader:
        assert reader.take(1)
    for reader in readers:
        reader.response.close()
