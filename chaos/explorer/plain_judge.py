"""All or nothing, by looking: what is there, held against what the committed sagas alone would have brought about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from chaos.auditor.sagas import Saga, Sagas, read_sagas
from chaos.explorer.heard import Heard
from chaos.explorer.scenario import Anomaly, Finding, Judgement
from chaos.explorer.wiki_judge import log_facts

if TYPE_CHECKING:
    from chaos.explorer.run import System

Observed = Mapping[str, object]
"""What each participant shows."""
A = Anomaly
_LONGEST = 120  # characters of an observation in the evidence


def judge_plain(system: System, seen: Observed) -> Judgement:
    """Hold the sagas' words, and what ``seen`` shows, against the rules."""
    log = system.durable["log"]
    rows = log.find(limit=1_000)
    sagas = read_sagas(log_facts(log.all_events(0, 1_000_000), rows))
    findings = [*_of_histories(sagas), *_of_effects(system, sagas, seen)]
    return Judgement(tuple(findings), states={row.saga_id: str(row.state) for row in rows})


def _of_histories(sagas: Sagas) -> Iterator[Finding]:
    """Every saga came to its end, and what it says of itself hangs together."""
    for saga in sagas.by_id.values():
        for broken, word, evidence in (*_at_rest(saga), *_in_order(saga)):
            yield Finding(word, broken, f"saga {saga.saga_id}", evidence, saga.saga_id)


def _at_rest(saga: Saga) -> Iterator[tuple[str, Anomaly, str]]:
    last = saga.events[-1]
    if saga.state == "failed":
        yield "A3", A.STUCK, f"its rollback never came to an end: {last.data.get('problem', 'no reason is known')}"
    elif not saga.closed:
        yield "A3", A.LIMBO, f"it is {saga.state} for ever; its last event is {last.type}"


def _in_order(saga: Saga) -> Iterator[tuple[str, Anomaly, str]]:
    """R5 and R8. A step without a compensation is never undone, so nothing waits for it."""
    undone = {event.step for event in saga.events if event.type == "undo.started"}
    waiting: dict[str, int] = {}
    for event in saga.events:
        step = event.step or ""
        if event.type == "step.started" and step in undone:
            waiting[step] = saga.groups.get(step, 0)
        elif event.type == "undo.started" and (late := _after(waiting, saga.groups.get(step, 0))):
            yield "A5", A.WRONG_ORDER, f"{step} is undone before {late}, which was started after it (R5)"
        elif event.type in ("undo.done", "undo.skipped"):
            waiting.pop(step, None)
    if saga.state == "rolled_back" and waiting:
        yield "A5", A.FALSE_COMPENSATED, f"it is rolled back, and the undo of {next(iter(waiting))} was never answered"
    done = {event.step for event in saga.events if event.type == "step.done"}
    missing = [step for step, kind in saga.kinds.items() if kind != "retriable" and step not in done]
    if saga.is_committed and missing:
        yield "A5", A.FALSE_COMMITTED, f"it is committed, and {missing[0]} was not done"


def _after(waiting: Mapping[str, int], group: int) -> str | None:
    return next((step for step, other in waiting.items() if other > group), None)


def _of_effects(system: System, sagas: Sagas, seen: Observed) -> Iterator[Finding]:
    if any(not saga.closed for saga in sagas.by_id.values()):
        return  # what an open saga may leave behind nobody can say; that it is open was found already
    expected: Mapping[frozenset[str], Sequence[Observed]] = system.durable["expected"]
    committed = frozenset(saga_id for saga_id, saga in sagas.by_id.items() if saga.is_committed)
    nearest = min(expected[committed], key=lambda one: sum(one[name] != seen[name] for name in seen))
    for name, shown in seen.items():
        if shown != nearest[name]:
            heard = Heard.by(name, system.world.trace)
            as_if = _as_if(expected, name, shown)
            evidence = f"it shows {_short(shown)} and should show {_short(nearest[name])} ({_outcomes(sagas)})"
            for broken, word in _words(committed, as_if, heard):
                yield Finding(word, broken, name, evidence, participant=name)


def _as_if(expected: Mapping[frozenset[str], Sequence[Observed]], name: str, shown: object) -> frozenset[str] | None:
    """The sagas after which the participant would show this, if there are such."""
    return next((sagas for sagas, orders in expected.items() if any(one[name] == shown for one in orders)), None)


def _words(committed: frozenset[str], as_if: frozenset[str] | None, heard: Heard) -> Iterator[tuple[str, Anomaly]]:
    if as_if is not None and as_if - committed:
        yield "A1", A.LOST_COMPENSATION if heard.undone else A.FALSE_COMPENSATED
        yield "A2", A.OVERTAKEN if heard.overtaken else A.ORPHAN
    elif as_if is not None:
        yield "A4", A.LOST_UPDATE if heard.done else A.FALSE_COMMITTED
    elif heard.overtaken:
        yield "A2", A.OVERTAKEN
    elif heard.done_twice:
        yield "A1", A.DOUBLE_EFFECT
    elif committed:
        yield "A4", A.LOST_UPDATE
    else:
        yield "A1", A.LOST_COMPENSATION if heard.undone else A.FALSE_COMPENSATED


def _outcomes(sagas: Sagas) -> str:
    return ", ".join(f"{saga_id} is {saga.state}" for saga_id, saga in sagas.by_id.items())


def _short(shown: object) -> str:
    text = repr(shown)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
