"""Several sagas over a network that repeats, reorders, delays and loses: server and model never differ (R3, R6, R7)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.integration.filesystem_model import Model, Request
from tests.integration.filesystem_story import P, leftovers, on_disk
from tests.integration.filesystem_wire import Wire, send

NAMES = st.sampled_from(["a", "b", "A", "d/a", "d/e/b", "d"])
CONTENTS = st.sampled_from(["", "one", "zwölf"])
SAGAS = st.sampled_from(["s1", "s2", "s3"])
KEYS = st.sampled_from([None, None, "k1", "k2"])
TRIED = Counter[str]()


def files(most: int) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Names that may stand in one batch: no look-alikes, no file that is another's folder."""
    apart = st.lists(st.sampled_from(["a", "b", "d/a", "d/e/b"]), min_size=1, max_size=most, unique=True)
    return apart.flatmap(lambda names: st.tuples(*(st.tuples(st.just(name), CONTENTS) for name in names)))


REQUESTS = st.one_of(
    st.builds(Request, st.just("save"), SAGAS, st.tuples(st.tuples(NAMES, CONTENTS)), KEYS),
    st.builds(Request, st.just("batch"), SAGAS, files(4), KEYS),
    st.builds(Request, st.just("undo"), SAGAS, st.tuples(st.tuples(NAMES, st.just("")))),
    st.builds(Request, st.sampled_from(["undo_all", "confirm"]), SAGAS),
    st.builds(Request, st.just("plain_save"), st.none(), st.tuples(st.tuples(NAMES, CONTENTS)), KEYS),
    st.builds(Request, st.just("plain_delete"), st.none(), st.tuples(st.tuples(NAMES, st.just(""))), KEYS),
)


class Network(RuleBasedStateMachine):
    """Requests are sent into a bag and leave it in any order, late, twice, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="fs-model-")
        self.wire = Wire.of(Path(self.folder) / "data")
        self.model = Model()
        self.on_the_way: list[Request] = []
        self.delivered: list[Request] = []

    def teardown(self) -> None:
        for saga in self.model.sagas:  # once every saga is closed, nothing of them may be left
            self.deliver(Request("undo_all", saga))
        assert leftovers(self.wire.data) == []
        self.wire.store.close()
        shutil.rmtree(self.folder)

    @rule(requests=st.lists(REQUESTS, min_size=1, max_size=6), late=st.booleans())
    def send(self, requests: list[Request], late: bool) -> None:
        for request in requests:
            if late:
                self.on_the_way.append(request)
            else:
                self.deliver(request)

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.on_the_way) - 1))
        TRIED["reordered"] += place > 0
        self.deliver(self.on_the_way.pop(place))

    @precondition(lambda self: self.delivered)
    @rule(data=st.data(), times=st.integers(1, 3))
    def arrive_again(self, data: st.DataObject, times: int) -> None:
        TRIED["repeated"] += times
        for _ in range(times):
            self.deliver(data.draw(st.sampled_from(self.delivered)))

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data())
    def get_lost(self, data: st.DataObject) -> None:
        TRIED["lost"] += 1
        self.on_the_way.pop(data.draw(st.integers(0, len(self.on_the_way) - 1)))

    @precondition(lambda self: len(self.delivered) % 9 == 8)  # rarely: a start costs as much as ten calls
    @rule()
    def restart(self) -> None:
        """A new process beside the old one, which is never asked again."""
        TRIED["restarted"] += 1
        old, self.wire = self.wire, Wire.of(self.wire.data)
        old.store.close()

    def deliver(self, request: Request) -> None:
        TRIED["delivered"] += 1
        expected = self.model.take(request)
        assert send(self.wire, request) == expected, request
        self.delivered.append(request)

    @invariant()
    def the_disk_is_as_the_model_says(self) -> None:
        assert on_disk(self.wire.data) == {name: content.encode() for name, content in self.model.disk.items()}

    @invariant()
    def pending_marks_are_as_the_model_says(self) -> None:
        locks = self.model.locks()
        listed = {name: row["pending"] for name, row in self.wire.listing().items()}
        assert listed == {name: locks.get(name) for name in self.model.disk}

    @invariant()
    def reports_are_as_the_model_says(self) -> None:
        for saga_id, saga in self.model.sagas.items():
            report = self.wire.report(saga_id).get_json()
            assert (report["state"], report["project"]) == (saga.seen(), P)
            states = {row["filename"]: row["state"] for row in report["items"]}
            assert states == {name: effect for name, effect in saga.effects.items() if name in saga.answers}


def run(examples: int) -> None:
    TRIED.clear()
    run_state_machine_as_test(
        Network,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    print(dict(TRIED))
    assert min(TRIED[what] for what in ("delivered", "repeated", "reordered", "lost", "restarted")) > examples / 2


def test_server_and_model_never_differ() -> None:
    run(8)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_server_and_model_never_differ_for_long() -> None:
    run(int(os.environ.get("MODEL_EXAMPLES", "150")))
