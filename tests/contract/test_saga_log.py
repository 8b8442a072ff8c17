"""One suite for every saga log: in memory, SQLite on a real disk, and a real PostgreSQL server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from backend.saga import limits
from backend.saga.errors import HistoryLost, LeaseLost, NotAllowed, ProjectBusy, SagaExists, TooManyWaiting, UnknownSaga
from backend.saga.events import Event
from backend.saga.ports import Admission, NewSaga, SagaLog
from backend.saga.state import SagaState
from backend.saga_log import MemorySagaLog, open_saga_log
from tests.contract.saga_logs import LEASE, TYPES, T, enter, event, fresh_url, in_threads


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def log(request: pytest.FixtureRequest) -> Iterator[SagaLog]:
    opened = open_saga_log(fresh_url(request, request.param))
    yield opened
    opened.close()


def test_a_new_saga_is_pending_and_has_its_first_event(log):
    record = enter(log, "s1")
    assert (record.state, record.closed, record.last_seq, record.parameters) == (SagaState.PENDING, False, 1, {"n": 1})
    assert [(e.seq, e.event.type) for e in log.events("s1")] == [(1, T.REQUESTED)]


def test_a_saga_id_exists_once(log):
    enter(log, "s1")
    with pytest.raises(SagaExists):
        enter(log, "s1")
    assert len(log.events("s1")) == 1


def test_a_request_key_starts_one_saga_per_project(log):
    enter(log, "s1", key="k")
    with pytest.raises(SagaExists):
        enter(log, "s2", key="k")
    enter(log, "s3", project="q", key="k")
    assert log.by_request_key("p", "k").saga_id == "s1"
    assert log.by_request_key("p", "other") is None


def test_events_come_back_as_they_went_in(log):
    enter(log, "s1")
    fence = log.claim("s1", "w", LEASE, 1.0).fence
    data = {"problem": "näh ✗", "retry_at": 1.5, "files": {"a b.md": None}}
    log.append("s1", fence, 2, [event(T.STEP_UNCLEAR, "Save", 2.5, **data)])
    assert log.events("s1", after_seq=2)[0].event == Event(T.STEP_UNCLEAR, 2.5, "Save", data)


def test_names_of_the_greatest_length_come_back_as_they_went_in(log):
    names = ["s" * limits.SAGA_ID, "wiki", "p" * limits.PROJECT_ID, "u" * limits.USER_ID]
    key, step = "k" * limits.REQUEST_KEY, "n" * limits.STEP
    record = log.create(NewSaga(*names, {}, key), event(T.REQUESTED))
    assert [record.saga_id, record.saga_type, record.project_id, record.user_id] == names
    log.append(names[0], log.claim(names[0], "w", LEASE, 1.0).fence, 2, [event(T.STEP_STARTED, step)])
    assert log.events(log.by_request_key(names[2], key).saga_id)[-1].event.step == step


def test_whoever_knows_more_than_the_log_has_may_not_append(log):
    enter(log, "s1")
    fence = log.claim("s1", "w", LEASE, 1.0).fence
    with pytest.raises(HistoryLost):
        log.append("s1", fence, 3, [event(T.BEGUN)])
    assert len(log.events("s1")) == 2


def test_append_returns_what_others_wrote_meanwhile_before_its_own(log):
    enter(log, "s1")
    fence = log.claim("s1", "w", LEASE, 1.0).fence
    log.operate("s1", [SagaState.PENDING], [event(T.CANCEL_REQUESTED)])
    logged = log.append("s1", fence, 2, [event(T.BEGUN)])
    assert [(entry.seq, entry.event.type) for entry in logged] == [(3, T.CANCEL_REQUESTED), (4, T.BEGUN)]


def test_the_state_follows_the_events(log):
    enter(log, "s1")
    fence = log.claim("s1", "w", LEASE, 1.0).fence
    log.append("s1", fence, 2, [event(T.BEGUN), event(T.ROLLBACK_BEGAN)])
    assert log.get("s1").state is SagaState.ROLLING_BACK
    log.append("s1", fence, 4, [event(T.ROLLED_BACK, at=9.0)])
    record = log.get("s1")
    assert (record.state, record.closed, record.updated_at) == (SagaState.ROLLED_BACK, True, 9.0)


def test_a_held_saga_is_nobody_elses(log):
    enter(log, "s1")
    assert log.claim_next("one", LEASE, 1.0, TYPES).saga_id == "s1"
    assert log.claim_next("two", LEASE, 2.0, TYPES) is None
    with pytest.raises(LeaseLost):
        log.claim("s1", "two", LEASE, 2.0)


def test_after_its_lease_a_saga_is_taken_over_and_its_old_holder_can_write_nothing(log):
    enter(log, "s1")
    old = log.claim_next("one", LEASE, 1.0, TYPES)
    new = log.claim_next("two", LEASE, 1.0 + LEASE, TYPES)
    assert new.fence == old.fence + 1
    assert log.events("s1")[-1].event.data["lost"] == "one"
    with pytest.raises(LeaseLost):
        log.append("s1", old.fence, 2, [event(T.BEGUN)])
    log.append("s1", new.fence, 3, [event(T.BEGUN)])


def test_a_lease_that_only_a_wrong_clock_can_have_given_holds_nothing(log):
    for name in ("s1", "s2"):
        enter(log, name, project=name)
    ahead = 1.0 + 10 * LEASE
    old = log.claim("s1", "ahead", LEASE, ahead)
    log.claim("s2", "ahead", LEASE, ahead - LEASE)  # ends after ten leases: that may still be so
    assert log.claim_next("two", LEASE, 1.0, TYPES).saga_id == "s1"
    assert log.claim_next("two", LEASE, 1.0, TYPES) is None
    with pytest.raises(LeaseLost):
        log.claim("s2", "two", LEASE, 1.0)
    with pytest.raises(LeaseLost):
        log.append("s1", old.fence, 2, [event(T.BEGUN)])
    assert log.claim("s2", "two", LEASE, 0.9).worker == "two"


def test_renewal_extends_only_leases_that_still_hold(log):
    enter(log, "s1")
    enter(log, "s2", project="q")
    log.claim("s1", "one", 1.0, 1.0)
    log.claim("s2", "one", 9.0, 1.0)
    log.renew("one", LEASE, 3.0, ["s1", "s2"])
    assert log.get("s1").lease_until == 2.0
    assert log.get("s2").lease_until == 8.0


def test_renewal_leaves_alone_what_its_worker_does_not_know_that_it_holds(log):
    enter(log, "s1")
    enter(log, "s2", project="q")
    log.claim("s1", "one", LEASE, 1.0)
    log.claim("s2", "one", LEASE, 1.0)  # and the answer was lost
    log.renew("one", LEASE, 3.0, ["s1"])
    assert log.claim_next("two", LEASE, 1.0 + LEASE, TYPES).saga_id == "s2"
    assert log.claim_next("two", LEASE, 1.0 + LEASE, TYPES) is None


def test_a_saga_that_was_given_back_sleeps_until_its_time(log):
    enter(log, "s1")
    record = log.claim_next("one", LEASE, 1.0, TYPES)
    log.release("s1", record.fence, 50.0)
    assert log.claim_next("two", LEASE, 49.0, TYPES) is None
    again = log.claim_next("two", LEASE, 50.0, TYPES)
    assert again.saga_id == "s1"
    assert log.events("s1")[-1].event.data["lost"] is None


def test_whoever_closes_a_saga_gives_it_back_with_that(log):
    enter(log, "s1")
    fence = log.claim("s1", "one", LEASE, 1.0).fence
    log.append("s1", fence, 2, [event(T.BEGUN), event(T.ROLLBACK_BEGAN)])
    assert log.get("s1").worker == "one"
    log.append("s1", fence, 4, [event(T.ROLLED_BACK)])
    assert (log.get("s1").worker, log.get("s1").lease_until, log.get("s1").fence) == (None, 0.0, fence)


def test_one_saga_at_a_time_per_project_first_come_first_served(log):
    enter(log, "s1")
    enter(log, "s2")
    enter(log, "t1", project="q")
    first = log.claim_next("one", LEASE, 1.0, TYPES)
    assert first.saga_id == "s1"
    assert log.claim_next("one", LEASE, 1.0, TYPES).saga_id == "t1"
    assert log.claim_next("one", LEASE, 1.0, TYPES) is None
    log.append("s1", first.fence, 2, [event(T.ROLLED_BACK)])
    assert log.claim_next("one", LEASE, 1.0, TYPES).saga_id == "s2"


def test_workers_take_only_the_types_they_know(log):
    enter(log, "s1", kind="inline")
    assert log.claim_next("one", LEASE, 1.0, TYPES) is None
    assert log.claim_next("one", LEASE, 1.0, ("inline",)).saga_id == "s1"


def test_a_parked_saga_tries_again_by_itself_when_its_time_comes(log):
    enter(log, "s1")
    fence = log.claim("s1", "one", LEASE, 1.0).fence
    log.append("s1", fence, 2, [event(T.BEGUN), event(T.ROLLBACK_BEGAN), event(T.PARKED, "a", retry_at=60.0)])
    log.release("s1", fence, 60.0)
    assert log.claim_next("two", LEASE, 59.0, TYPES) is None
    log.claim_next("two", LEASE, 60.0, TYPES)
    assert log.get("s1").state is SagaState.ROLLING_BACK
    assert [entry.event.type for entry in log.events("s1")][-2:] == [T.CLAIMED, T.RETRY_REQUESTED]


def test_an_operators_verb_must_fit_the_state(log):
    enter(log, "s1")
    with pytest.raises(NotAllowed, match="pending"):
        log.operate("s1", [SagaState.FAILED], [event(T.RETRY_REQUESTED)])
    assert len(log.events("s1")) == 1


def test_an_operators_verb_wakes_a_sleeping_saga(log):
    enter(log, "s1")
    record = log.claim("s1", "one", LEASE, 1.0)
    log.release("s1", record.fence, 1e9)
    log.operate("s1", [SagaState.PENDING], [event(T.CANCEL_REQUESTED)])
    assert log.claim_next("two", LEASE, 2.0, TYPES) is not None


@pytest.mark.parametrize("call", ["get", "claim", "append", "operate"])
def test_an_unknown_saga_is_named(log, call):
    calls = {
        "get": lambda: log.get("nope"),
        "claim": lambda: log.claim("nope", "w", LEASE, 1.0),
        "append": lambda: log.append("nope", 1, 0, [event(T.BEGUN)]),
        "operate": lambda: log.operate("nope", [SagaState.PENDING], []),
    }
    with pytest.raises(UnknownSaga, match="nope"):
        calls[call]()


def test_sagas_are_found_newest_first_by_state_project_and_time_in_pages(log):
    for number in range(5):
        enter(log, f"s{number}", project="p" if number % 2 else "q", at=float(number))
    assert [r.saga_id for r in log.find()] == ["s4", "s3", "s2", "s1", "s0"]
    assert [r.saga_id for r in log.find(project_id="p")] == ["s3", "s1"]
    assert [r.saga_id for r in log.find(since=3.0)] == ["s4", "s3"]
    assert [r.saga_id for r in log.find(limit=2, before=(3.0, "s3"))] == ["s2", "s1"]
    assert log.find(state=SagaState.FAILED) == []
    log.append("s4", log.claim("s4", "w", LEASE, 1.0).fence, 2, [event(T.ROLLED_BACK)])
    assert "s4" not in [r.saga_id for r in log.find(open_only=True)]


def test_who_is_spared_is_known_until_its_worker_says_otherwise_or_is_silent_for_too_long(log):
    log.spare("one", ["git_server", "neo4j"], 1.0, 10.0)
    log.spare("two", ["git_server"], 1.0, 5.0)
    assert log.spared(4.0) == {"git_server": 2, "neo4j": 1}
    assert log.spared(5.0) == {"git_server": 1, "neo4j": 1}
    log.spare("one", ["neo4j"], 6.0, 15.0)
    assert log.spared(6.0) == {"neo4j": 1}
    log.spare("one", [], 7.0, 16.0)
    assert log.spared(7.0) == {}


def test_sagas_are_counted_by_state(log):
    for number in range(3):
        enter(log, f"s{number}", project=f"p{number}")
    log.append("s0", log.claim("s0", "w", LEASE, 1.0).fence, 2, [event(T.BEGUN)])
    assert log.counts() == {SagaState.PENDING: 2, SagaState.EXECUTING: 1}


def test_the_whole_log_reads_in_order_from_any_position(log):
    assert log.last_position() == 0
    enter(log, "s1")
    enter(log, "s2", project="q")
    log.append("s1", log.claim("s1", "w", LEASE, 1.0).fence, 2, [event(T.BEGUN)])
    whole = log.all_events(0, 100)
    assert [(e.saga_id, e.seq) for e in whole] == [("s1", 1), ("s2", 1), ("s1", 2), ("s1", 3)]
    assert log.all_events(whole[1].position, 1) == [whole[2]]
    some = [entry for entry in whole if entry.event.type is T.REQUESTED]
    assert log.all_events(0, 100, (T.REQUESTED, T.PARKED)) == some
    assert log.all_events(some[0].position, 1, (T.REQUESTED,)) == some[1:2]
    assert log.last_position() == whole[-1].position
    assert log.events("s1") == [e for e in whole if e.saga_id == "s1"]


def test_events_of_many_sagas_come_at_once_by_type_in_the_order_of_the_log(log):
    names = [f"s{number}" for number in range(40)]
    for name in names:
        enter(log, name)
        log.operate(name, [SagaState.PENDING], [event(T.CANCEL_REQUESTED), event(T.STEP_UNCLEAR, "Save", problem="p")])
    log.operate("s7", [SagaState.PENDING], [event(T.STEP_UNCLEAR, "Save", 9.0, problem="late")])
    wanted = ["s9", "s7", "nobody"]
    found = log.events_of(wanted, [T.REQUESTED, T.STEP_UNCLEAR])
    assert [(e.saga_id, e.event.type, e.event.at) for e in found] == [
        ("s7", T.REQUESTED, 1.0),
        ("s7", T.STEP_UNCLEAR, 1.0),
        ("s9", T.REQUESTED, 1.0),
        ("s9", T.STEP_UNCLEAR, 1.0),
        ("s7", T.STEP_UNCLEAR, 9.0),
    ]
    assert found[0] == log.events("s7")[0]
    assert log.events_of([], [T.REQUESTED]) == log.events_of(["s1"], []) == []
    assert len(log.events_of([f"other-{number}" for number in range(5000)] + names, [T.REQUESTED])) == len(names)


def test_many_threads_lose_nothing_and_share_their_commits(log):
    for number in range(8):
        enter(log, f"s{number}", project=f"p{number}")
    fences = {n: log.claim(f"s{n}", f"w{n}", 60.0, 1.0).fence for n in range(8)}

    def write(number: int) -> None:
        for seq in range(2, 27):
            log.append(f"s{number}", fences[number], seq, [event(T.STEP_STARTED, "x")])

    in_threads([lambda number=number: write(number) for number in range(8)])
    assert [len(log.events(f"s{number}")) for number in range(8)] == [27] * 8


def test_a_write_that_fails_in_its_middle_leaves_nothing_and_harms_nobody_beside_it(log):
    for number in range(8):
        enter(log, f"s{number}", project=f"p{number}")
    fences = {n: log.claim(f"s{n}", f"w{n}", 60.0, 1.0).fence for n in range(8)}

    def write(number: int) -> None:
        for seq in range(2, 12):
            log.append(f"s{number}", fences[number], seq, [event(T.STEP_STARTED, "x")])

    def fail(number: int) -> None:
        for _ in range(10):
            with pytest.raises(TypeError):
                log.append(
                    f"s{number}", fences[number], 2, [event(T.STEP_STARTED), event(T.STEP_DONE, result=object())]
                )

    in_threads([lambda number=number: (fail if number % 2 else write)(number) for number in range(8)])
    assert [len(log.events(f"s{number}")) for number in range(8)] == [12, 2] * 4
    assert log.append("s1", fences[1], 2, [event(T.BEGUN)])[-1].seq == 3


def test_two_threads_never_claim_the_same_saga(log):
    for number in range(20):
        enter(log, f"s{number}", project=f"p{number}")
    taken: list[str] = []

    def claim_all(worker: str) -> None:
        while (record := log.claim_next(worker, 60.0, 1.0, TYPES)) is not None:
            taken.append(record.saga_id)

    in_threads([lambda n=n: claim_all(f"w{n}") for n in range(4)])
    assert sorted(taken) == sorted(f"s{number}" for number in range(20))


def test_every_event_is_linked_to_the_one_before_by_the_documented_formula(log):
    enter(log, "s1")
    fence = log.claim("s1", "w", LEASE, 1.0).fence
    log.append("s1", fence, 2, [event(T.BEGUN, at=2), event(T.STEP_DONE, "näh ✗", 2.5, result={"b": [1.5], "a": None})])
    link = hashlib.sha256(b"s1").hexdigest()
    for entry in log.events("s1"):
        told = entry.event
        line = json.dumps(
            [entry.seq, told.type, told.step, float(told.at), told.data],
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        link = hashlib.sha256(f"{link}\n{line}".encode()).hexdigest()
        assert entry.hash == link
    assert log.get("s1").head == link


def test_waiting_sagas_are_bounded_per_project_and_in_all(log):
    narrow = Admission(waiting_per_project=2, waiting=3)
    enter(log, "s1", admission=narrow)
    enter(log, "s2", admission=narrow, key="k")
    with pytest.raises(TooManyWaiting, match="2 generations wait in this project"):
        enter(log, "s3", admission=narrow)
    enter(log, "t1", project="q", admission=narrow)
    with pytest.raises(TooManyWaiting, match="3 generations wait in all"):
        enter(log, "u1", project="r", admission=narrow)
    with pytest.raises(SagaExists):  # a repeated request is no new one
        enter(log, "s4", admission=narrow, key="k")
    log.append("s1", log.claim("s1", "w", LEASE, 1.0).fence, 2, [event(T.BEGUN)])
    enter(log, "s5", admission=narrow)
    assert [record.saga_id for record in log.find(project_id="p")] == ["s5", "s2", "s1"]


def test_sagas_of_another_type_do_not_count_as_waiting(log):
    enter(log, "s1", kind="inline")
    enter(log, "s2", admission=Admission(waiting_per_project=1, waiting=1))


def test_whoever_would_not_wait_is_told_who_holds_the_project(log):
    enter(log, "s1")
    enter(log, "s2")
    with pytest.raises(ProjectBusy) as busy:
        enter(log, "s3", admission=Admission(only_if_free=True))
    assert busy.value.holder == "s1"
    enter(log, "t1", project="q", admission=Admission(only_if_free=True))


def test_many_who_come_at_once_do_not_overfill_the_queue(log):
    refused: list[int] = []

    def come(number: int) -> None:
        try:
            enter(log, f"s{number}", admission=Admission(waiting_per_project=5))
        except TooManyWaiting:
            refused.append(number)

    in_threads([lambda number=number: come(number) for number in range(16)])
    assert len(log.find(project_id="p")) == 5
    assert len(refused) == 11


def test_sleeping_sagas_can_be_woken(log):
    enter(log, "s1")
    enter(log, "s2", project="q")
    enter(log, "s3", project="r")
    for saga_id, wake_at in (("s1", 900.0), ("s2", 700.0), ("s3", 800.0)):
        log.release(saga_id, log.claim(saga_id, "one", LEASE, 1.0).fence, wake_at)
    log.wake(2.0, limit=1)
    assert log.claim_next("two", LEASE, 2.0, TYPES).saga_id == "s2"
    assert log.claim_next("two", LEASE, 2.0, TYPES) is None
    log.wake(3.0)
    assert {log.claim_next("two", LEASE, 3.0, TYPES).saga_id for _ in range(2)} == {"s1", "s3"}


def test_a_copy_of_the_log_in_memory_has_all_of_its_past_and_none_of_its_future():
    log = MemorySagaLog()
    enter(log, "s1")
    log.spare("one", ["git_server"], 1.0, 10.0)
    other = log.copy()
    enter(log, "s2")
    log.spare("one", [], 2.0, 10.0)
    assert (other.last_position(), other.spared(3.0)) == (1, {"git_server": 1})
