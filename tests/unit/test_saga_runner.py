"""The rules of DESIGN section 3, one sentence each, on scripted participants."""

from __future__ import annotations

import pytest

from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.errors import DefinitionError, LeaseLost, Refused, Unclear
from backend.saga.events import Event, EventType
from backend.saga.retry import BACKWARD, RetryPolicy
from backend.saga.state import SagaState, StepKind
from backend.saga_log.memory import MemorySagaLog
from tests.unit.saga_worlds import NO, NO_ANSWER, JumpingClock, World, a_runner, claim_again, open_saga

T = EventType


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def log() -> MemorySagaLog:
    return MemorySagaLog()


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


def three_steps(world: World) -> list[SagaStep]:
    return [
        world.step("graph", confirmed=True),
        world.step("files", confirmed=True),
        world.step("snapshot", kind=StepKind.PIVOT, confirmed=True),
    ]


def test_a_saga_without_faults_runs_its_steps_in_order_commits_and_confirms(world, log, clock):
    saga = open_saga(three_steps(world), log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.COMMITTED
    assert saga.history.closed
    done = ["do graph", "do files", "do snapshot"]
    assert world.calls == [*done, "confirm graph", "confirm files", "confirm snapshot"]


def test_no_confirm_is_sent_before_the_commit_record(world, log, clock):
    a_runner(log, clock).run(open_saga(three_steps(world), log, clock))
    types = [entry.event.type for entry in log.events("s")]
    assert types.index(T.COMMITTED) < types.index(T.CONFIRM_STARTED)


def test_intents_are_logged_before_the_first_call(world, log, clock):
    a_runner(log, clock).run(open_saga(three_steps(world), log, clock))
    types = [entry.event.type for entry in log.events("s")]
    assert types.index(T.BEGUN) < types.index(T.STEP_STARTED)


@pytest.mark.parametrize("failure", [NO, NO_ANSWER])
def test_the_failing_step_is_compensated_too_last_in_first_out(world, log, clock, failure):
    world.script["do snapshot"] = [failure] * 9
    saga = open_saga(three_steps(world), log, clock)
    a_runner(log, clock).run(saga)
    assert [call for call in world.calls if call.startswith("undo")] == ["undo snapshot", "undo files", "undo graph"]
    assert world.effects == set()
    assert saga.history.state is SagaState.ROLLED_BACK


def test_a_step_that_never_started_is_not_undone_by_the_worker_that_knows_it(world, log, clock):
    world.script["do graph"] = [NO]
    a_runner(log, clock).run(open_saga(three_steps(world), log, clock))
    assert world.calls == ["do graph", "undo graph"]


def test_an_unclear_answer_is_tried_again_with_the_same_key_and_growing_waits(world, log, clock):
    world.script["do snapshot"] = [NO_ANSWER, NO_ANSWER]
    saga = open_saga(three_steps(world), log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.COMMITTED
    assert clock.slept == pytest.approx([0.1, 0.2])
    assert saga.history.step("snapshot").result == "do snapshot s:snapshot"


def test_a_refusal_is_not_tried_again(world, log, clock):
    world.script["do files"] = [NO]
    a_runner(log, clock).run(open_saga(three_steps(world), log, clock))
    assert world.calls.count("do files") == 1


def test_a_retry_never_undercuts_what_the_participant_asked_for(world, log, clock):
    world.script["do files"] = [Unclear("busy", retry_after=3.0)]
    a_runner(log, clock).run(open_saga(three_steps(world), log, clock))
    assert clock.slept == pytest.approx([3.0])


def test_no_attempt_begins_after_the_deadline(world, log, clock):
    world.script["do files"] = [Unclear("busy", retry_after=3.0)]
    saga = open_saga(three_steps(world), log, clock, deadline=clock.now() + 2.0)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.ROLLED_BACK
    assert world.calls.count("do files") == 1


def test_no_further_step_begins_after_the_deadline_and_the_earlier_ones_are_undone(world, log, clock):
    saga = open_saga(three_steps(world), log, clock, deadline=clock.now() + 2.0)
    world.watch = lambda call: clock.sleep_until(clock.now() + 1.5) if call.startswith("do") else None
    a_runner(log, clock).run(saga)
    assert world.calls == ["do graph", "do files", "undo files", "undo graph"]
    assert saga.history.state is SagaState.ROLLED_BACK
    assert saga.history.failed_step == "snapshot"


@pytest.mark.parametrize("crash_after", range(1, 30))
def test_killed_after_any_event_another_worker_rolls_back_or_completes(world, log, clock, crash_after):
    steps = three_steps(world)
    saga = open_saga(steps, log, clock)
    runner = a_runner(log, clock)
    logged = 0
    append = log.append

    def dying(*arguments):
        nonlocal logged
        logged += 1
        if logged > crash_after:
            raise SystemExit("killed")
        return append(*arguments)

    log.append = dying
    try:
        runner.run(saga)
    except SystemExit:
        log.append = append
        saga = claim_again(steps, log, clock)
        a_runner(log, clock).run(saga)
    committed = any(entry.event.type is T.COMMITTED for entry in log.events("s"))
    assert saga.history.closed
    assert world.effects == ({"graph", "files", "snapshot"} if committed else set())


def test_after_a_take_over_steps_without_a_start_record_are_undone_as_well(world, log, clock):
    steps = three_steps(world)
    saga = open_saga(steps, log, clock)
    a_runner(log, clock).record(saga, Event(T.BEGUN, clock.now(), None, {"steps": [{"name": s.name} for s in steps]}))
    a_runner(log, clock).run(claim_again(steps, log, clock))
    assert world.calls == ["undo snapshot", "undo files", "undo graph"]


def test_a_worker_that_was_overtaken_can_write_nothing_more(world, log, clock):
    steps = three_steps(world)
    slow = open_saga(steps, log, clock)
    claim_again(steps, log, clock)
    with pytest.raises(LeaseLost):
        a_runner(log, clock).run(slow)
    assert world.calls == []


def test_a_stuck_compensation_parks_the_saga_with_the_evidence(world, log, clock):
    world.script["do snapshot"] = [NO]
    world.script["undo files"] = [Unclear("down")] * int(BACKWARD.attempts or 0)
    saga = open_saga(three_steps(world), log, clock)
    retry_at = a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.FAILED
    assert retry_at is not None
    parked = [entry.event for entry in log.events("s") if entry.event.type is T.PARKED]
    assert [(event.step, "down" in event.data["problem"]) for event in parked] == [("files", True)]
    assert "undo graph" not in world.calls  # LIFO holds even when stuck


def test_a_parked_saga_goes_on_where_it_was_stuck_once_it_is_asked_to(world, log, clock):
    world.script["do snapshot"] = [NO]
    world.script["undo files"] = [Unclear("down")] * int(BACKWARD.attempts or 0)
    steps = three_steps(world)
    a_runner(log, clock).run(open_saga(steps, log, clock))
    log.operate("s", [SagaState.FAILED], [Event(T.RETRY_REQUESTED, clock.now(), None, {"by": "ann", "reason": "up"})])
    saga = claim_again(steps, log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.ROLLED_BACK
    assert world.effects == set()
    assert world.calls.count("undo snapshot") == 1


def test_an_operator_can_skip_the_step_that_is_stuck(world, log, clock):
    world.script["do snapshot"] = [NO]
    world.script["undo files"] = [Unclear("down")] * int(BACKWARD.attempts or 0)
    steps = three_steps(world)
    a_runner(log, clock).run(open_saga(steps, log, clock))
    who = {"by": "ann", "reason": "cleaned by hand"}
    skip = [Event(T.UNDO_SKIPPED, clock.now(), "files", who), Event(T.RETRY_REQUESTED, clock.now(), None, who)]
    log.operate("s", [SagaState.FAILED], skip)
    saga = claim_again(steps, log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.ROLLED_BACK
    assert world.calls[-1] == "undo graph"


def test_a_cancel_while_a_step_runs_rolls_back(world, log, clock):
    steps = three_steps(world)

    def cancelled_meanwhile():
        log.operate(
            "s", [SagaState.EXECUTING], [Event(T.CANCEL_REQUESTED, clock.now(), None, {"reason": "not wanted"})]
        )

    steps.insert(1, SagaStep("pause", cancelled_meanwhile, lambda: None))
    saga = open_saga(steps, log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.ROLLED_BACK
    assert saga.history.error == "not wanted"
    assert "do files" not in world.calls


def test_a_confirm_is_retried_until_it_succeeds_however_often_it_is_refused(world, log, clock):
    world.script["confirm files"] = [Refused("locked"), NO_ANSWER] * 30
    saga = open_saga(three_steps(world), log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.COMMITTED
    assert saga.history.closed


def test_an_impatient_runner_gives_the_saga_back_instead_of_waiting(world, log, clock):
    world.script["confirm files"] = [Unclear("busy", retry_after=50.0)]
    saga = open_saga(three_steps(world), log, clock)
    wake_at = a_runner(log, clock).run(saga, patience=2.0)
    assert wake_at == pytest.approx(clock.now() + 50.0)
    assert saga.history.state is SagaState.COMMITTED
    assert not saga.history.closed


def test_steps_of_a_parallel_group_run_and_roll_back_together(world, log, clock):
    steps = [
        world.step("a", parallel_group="both"),
        world.step("b", parallel_group="both"),
        world.step("c"),
    ]
    world.script["do c"] = [NO]
    a_runner(log, clock).run(open_saga(steps, log, clock))
    assert world.calls == ["do a", "do b", "do c", "undo c", "undo a", "undo b"]
    started = [entry for entry in log.events("s") if entry.event.type is T.STEP_STARTED]
    assert started[1].seq == started[0].seq + 1  # both were on record before either was called


def test_a_retriable_step_runs_after_the_commit_and_until_it_succeeds(world, log, clock):
    world.script["do mail"] = [Refused("full")] * 20
    steps = [world.step("order", kind=StepKind.PIVOT), world.step("mail", kind=StepKind.RETRIABLE)]
    saga = open_saga(steps, log, clock)
    a_runner(log, clock).run(saga)
    types = [entry.event.type for entry in log.events("s")]
    assert types.index(T.COMMITTED) < types.index(T.STEP_UNCLEAR)
    assert saga.history.step("mail").done


def test_the_log_lines_have_the_promised_form(world, log, clock):
    lines: list[str] = []
    world.script["do snapshot"] = [NO]
    a_runner(log, clock, lines).run(open_saga([world.step("files"), world.step("snapshot")], log, clock))
    assert lines[-3:] == [
        "[s] ✗ Step failed: snapshot",
        "[s] Rolling back 1 completed steps",
        "[s] ✓ Rollback successful",
    ]


def test_the_line_of_a_commit_has_the_promised_form(world, log, clock):
    lines: list[str] = []
    a_runner(log, clock, lines).run(open_saga([world.step("files"), world.step("snapshot")], log, clock))
    assert "[s] ✓ Saga committed successfully with 2 steps" in lines


@pytest.mark.parametrize(
    ("kinds", "complaint"),
    [
        ((), "at least one step"),
        ((StepKind.PIVOT, StepKind.COMPENSABLE), "the order is"),
        ((StepKind.PIVOT, StepKind.PIVOT), "the order is"),
        ((StepKind.RETRIABLE, StepKind.PIVOT), "the order is"),
    ],
)
def test_steps_that_make_no_saga_are_refused(kinds, complaint):
    steps = tuple(SagaStep(str(number), print, kind=kind) for number, kind in enumerate(kinds))
    with pytest.raises(DefinitionError, match=complaint):
        SagaDefinition(steps)


def test_two_steps_of_one_name_are_refused():
    with pytest.raises(DefinitionError, match="same name"):
        SagaDefinition((SagaStep("a", print), SagaStep("a", print)))


def test_the_backoff_series_is_the_one_that_the_docstring_shows():
    policy = RetryPolicy(attempts=8, base=0.1, cap=2.0, time_limit=None)
    waits = [policy.next_attempt_at(n, now=0.0, first_at=0.0, draw=1.0) for n in range(1, 9)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, None])
    assert policy.next_attempt_at(3, now=0.0, first_at=0.0, draw=0.0) == 0.0


def test_the_time_limit_ends_the_attempts():
    policy = RetryPolicy(attempts=None, time_limit=1.0)
    assert policy.next_attempt_at(1, now=0.95, first_at=0.0, draw=1.0) is None
    assert policy.next_attempt_at(1, now=0.85, first_at=0.0, draw=1.0) == pytest.approx(0.95)


def test_an_operators_retry_is_made_at_once_though_the_participant_is_spared(world, log, clock):
    class Spares:
        """A guard that lets nobody through for an hour."""

        def admit(self, participants):
            return clock.now() + 3600.0

        def report(self, participant, success):
            pass

    world.script["do snapshot"] = [NO]
    world.script["undo files"] = [Unclear("down")] * int(BACKWARD.attempts or 0)
    steps = three_steps(world)
    a_runner(log, clock).run(open_saga(steps, log, clock))
    log.operate("s", [SagaState.FAILED], [Event(T.RETRY_REQUESTED, clock.now(), None, {"by": "ann", "reason": "up"})])
    saga, runner = claim_again(steps, log, clock), a_runner(log, clock)
    runner.guard = Spares()
    before = world.calls.count("undo files")
    runner.run(saga, patience=1.0)
    assert world.calls.count("undo files") == before + 1
