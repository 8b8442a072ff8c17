"""`next_move` over every history that three steps can have, to the end: a model check of the decision."""

from __future__ import annotations

from collections.abc import Iterator

from backend.saga.decide import Begin, Commit, Confirm, Finish, Move, Park, Rest, Run, TurnBack, Undo, next_move
from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.events import Event, EventType
from backend.saga.history import read_history
from backend.saga.state import SagaState, StepKind

T = EventType
DEFINITION = SagaDefinition(
    (
        SagaStep("a", print, print, print),
        SagaStep("b", print, print, print),
        SagaStep("c", print, print, print, StepKind.PIVOT),
    )
)
BACKWARD = (Undo, Park)


def event(kind: EventType, step: str | None = None, **data: object) -> Event:
    return Event(kind, 0.0, step, data)


def replies(move: Move) -> Iterator[list[Event]]:
    """What may be in the log after the runner did ``move``: every outcome of every call."""
    match move:
        case Begin():
            yield [event(T.BEGUN, steps=[{"name": step.name} for step in DEFINITION.steps])]
        case Run((step, *_)):
            started = event(T.STEP_STARTED, step)
            yield [started, event(T.STEP_DONE, step)]
            yield [started, event(T.STEP_REFUSED, step, problem="no")]
            yield [started, event(T.STEP_UNCLEAR, step, problem="?", retry_at=1.0)]
            yield [started, event(T.STEP_UNCLEAR, step, problem="?", retry_at=None)]
            yield [started, event(T.CLAIMED, lost="w")]
            yield [started, event(T.CANCEL_REQUESTED, reason="enough"), event(T.STEP_DONE, step)]
        case TurnBack(reason, failed):
            yield [event(T.ROLLBACK_BEGAN, reason=reason, failed_step=failed)]
        case Undo((step, *_)):
            started = event(T.UNDO_STARTED, step)
            yield [started, event(T.UNDO_DONE, step)]
            yield [started, event(T.UNDO_FAILED, step, problem="?", retry_at=1.0)]
            yield [started, event(T.UNDO_FAILED, step, problem="?", retry_at=None)]
        case Park(step, problem):
            yield [event(T.PARKED, step, problem=problem, retry_at=9.0)]
        case Commit():
            yield [event(T.COMMITTED, result={})]
            yield [event(T.CLAIMED, lost="w")]
        case Confirm(steps):
            yield [entry for step in steps for entry in (event(T.CONFIRM_STARTED, step), event(T.CONFIRM_DONE, step))]
            yield [event(T.CONFIRM_STARTED, steps[0]), event(T.CONFIRM_FAILED, steps[0], retry_at=1.0)]
        case Finish(SagaState.ROLLED_BACK):
            yield [event(T.ROLLED_BACK)]
        case Finish():
            yield [event(T.FINISHED)]


def histories(bound: int) -> Iterator[tuple[list[Event], list[Move], Move]]:
    """Every history of at most ``bound`` moves: its events, the moves that led there, and the move that comes next."""
    stack: list[tuple[list[Event], list[Move]]] = [([event(T.REQUESTED)], [])]
    while stack:
        events, moves = stack.pop()
        move = next_move(DEFINITION, events)
        yield events, moves, move
        if len(moves) < bound and not isinstance(move, Rest):
            stack.extend((events + reply, [*moves, move]) for reply in replies(move))


def test_every_history_leads_on_and_never_forward_again_once_it_turned_back():
    ended = 0
    for events, _, move in histories(bound=12):
        types = {entry.type for entry in events}
        if T.ROLLBACK_BEGAN in types:
            assert not isinstance(move, Run | Commit | Confirm), events
            assert T.COMMITTED not in types, events
        if T.COMMITTED in types:
            assert not isinstance(move, BACKWARD), events
        if isinstance(move, Confirm):
            assert T.COMMITTED in types, events
        if isinstance(move, Commit):
            assert all(read_history(events).step(step.name).done for step in DEFINITION.steps)
        if isinstance(move, Rest):
            ended += 1
            assert types & {T.ROLLED_BACK, T.FINISHED, T.PARKED}, events
        else:
            assert any(replies(move)), events  # nothing but rest is a dead end
    assert ended > 1000


def test_undo_is_the_reverse_of_do_in_every_history():
    for _, moves, move in histories(bound=12):
        if isinstance(move, Finish) and move.state is SagaState.ROLLED_BACK:
            undone = [made.steps[0] for made in moves if isinstance(made, Undo)]
            order = list(dict.fromkeys(undone))
            assert order == sorted(order, reverse=True)


def test_every_step_that_may_have_started_is_undone_before_the_saga_is_rolled_back():
    for events, _, move in histories(bound=12):
        if isinstance(move, Finish) and move.state is SagaState.ROLLED_BACK:
            history = read_history(events)
            left = [
                s.name for s in DEFINITION.steps if history.maybe_started(s.name) and not history.step(s.name).undone
            ]
            assert left == [], events


def test_a_saga_that_waits_for_nothing_reaches_an_end_within_a_bounded_number_of_moves():
    events = [event(T.REQUESTED)]
    for _ in range(20):
        move = next_move(DEFINITION, events)
        if isinstance(move, Rest):
            break
        events += next(replies(move))
    assert read_history(events).closed
