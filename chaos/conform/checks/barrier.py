"""The barrier: a compensation that comes before its action, and an action that comes after its compensation."""

from __future__ import annotations

from chaos.conform.bench import Bench
from chaos.conform.calls import Case
from chaos.conform.registry import check, expect


@check(
    "empty-compensation",
    "The compensation of an action that never came succeeds and has no effect.",
    "R4 R6",
    suffers="The action was lost on its way, the coordinator cannot know, and compensates. It is told that there is no "
    "such thing, and the rollback is stuck in a saga that did nothing.",
    mend="Answer it with 2xx, and remember that this saga's step is compensated.",
)
def empty_compensation(bench: Bench) -> None:
    case = bench.case()
    before = bench.see(case)
    answer = bench.undo(case)
    expect(answer.done, f"the compensation of an action that never came must succeed, not be answered {answer}")
    bench.same(before, case, "a compensation of nothing changed something")


@check(
    "late-action",
    "An action that comes after its empty compensation is refused with 409 and has no effect (hanging).",
    "R6",
    suffers="The action was only slow. It arrives after the saga was rolled back, and its effect stays for ever: "
    "nobody will compensate it again.",
    mend="Let the compensation insert the barrier record when there is none; the action's own insert then fails.",
)
def late_action(bench: Bench) -> None:
    case = bench.case()
    bench.undo(case)
    refused_for_ever(bench, case)


@check(
    "action-after-undo",
    "An action that is repeated after its compensation is refused with 409 and has no effect.",
    "R6",
    suffers="A repeat of the action was still on its way when the saga was rolled back. It does everything once more, "
    "and the effect stays.",
    mend="Keep the barrier record when the effect is undone, marked as undone; delete it only when no repeat can be on "
    "its way any more.",
)
def action_after_undo(bench: Bench) -> None:
    case = bench.case()
    bench.acted(case)
    bench.undone(case)
    refused_for_ever(bench, case)


def refused_for_ever(bench: Bench, case: Case) -> None:
    """The action of a compensated case is answered with 409, and nothing changes."""
    before = bench.see(case)
    answer = bench.act(case)
    expect(answer.status == 409, f"the action of a saga that was compensated must be refused with 409, not {answer}")
    bench.same(before, case, "the action was refused and yet it changed something")
