"""The invariants of DESIGN section 6 as pure checks: facts in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.auditor.facts import CannotSee
from chaos.auditor.invariants import chain, closed, durable, files, limbo, order, relationships, snapshots
from chaos.auditor.verdicts import Finding, InvariantResult, Outcome
from chaos.auditor.world import World

Check = Callable[[World], Outcome]


@dataclass(frozen=True)
class Invariant:
    """One invariant and the checks that together decide it.

    Attributes:
        needs_rest: findings in a project in which sagas worked during the audit prove nothing.
    """

    name: str
    title: str
    checks: Sequence[Check]
    needs_rest: bool = False


INVARIANTS = (
    Invariant("A1", "atomic", (files.atomic, snapshots.atomic, relationships.atomic), needs_rest=True),
    Invariant("A2", "no orphans", (files.no_orphans, snapshots.no_orphans, relationships.no_orphans), needs_rest=True),
    Invariant("A3", "no limbo", (limbo.sagas_at_rest, limbo.no_pending_marks, limbo.nothing_left_over)),
    Invariant(
        "A4",
        "durable",
        (
            durable.told_is_so,
            durable.files_are_there,
            durable.snapshots_are_there,
            durable.relationships_are_there,
        ),
        needs_rest=True,
    ),
    Invariant(
        "A5",
        "order",
        (
            chain.histories_are_as_written,
            order.histories_keep_the_rules,
            order.effects_have_an_intent,
        ),
    ),
    Invariant("A6", "closed", (closed.doors_are_closed,)),
)


def judge(world: World, invariants: Sequence[Invariant] = INVARIANTS) -> tuple[InvariantResult, ...]:
    """Every invariant judged on ``world``; a check that crashes makes its invariant unknown, never green."""
    return tuple(_judge(invariant, world) for invariant in invariants)


def _judge(invariant: Invariant, world: World) -> InvariantResult:
    whole = Outcome()
    for check in invariant.checks:
        try:
            whole.add(check(world))
        except CannotSee as blind:
            whole.unseen.append(str(blind))
        except Exception as crash:  # whatever it is, this check proves nothing
            whole.unseen.append(f"the check {check.__module__}.{check.__name__} crashed: {crash!r}")
    if invariant.needs_rest and world.moving:
        _leave_out_moving(whole, world.moving)
    return InvariantResult.of(invariant.name, invariant.title, whole)


def _leave_out_moving(outcome: Outcome, moving: frozenset[str]) -> None:
    """What was read before and after a saga's step does not fit together: no proof either way."""
    at_rest: list[Finding] = [finding for finding in outcome.findings if finding.project not in moving]
    if len(at_rest) < len(outcome.findings):
        outcome.findings = at_rest
    names = ", ".join(sorted(moving)[:5])
    outcome.unseen.append(f"sagas worked in {len(moving)} projects during the audit ({names}): wait until it is quiet")
