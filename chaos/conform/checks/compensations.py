"""The compensation: it restores, it may come twice, and it touches nobody else's effect."""

from __future__ import annotations

from dataclasses import replace

from chaos.conform.bench import Bench
from chaos.conform.registry import check, expect


@check(
    "undo-new",
    "The compensation of an action on a fresh item leaves it as it was before.",
    "R6 R7",
    suffers="The saga is reported as rolled back and its effect is still there: an orphan.",
    mend="Take the effect back in the transaction that marks the barrier record as undone.",
)
def undo_new(bench: Bench) -> None:
    _acts_and_undoes(bench, over_former=False)


@check(
    "undo-restores",
    "The compensation of an action on an item with a value brings that value back, byte for byte.",
    "R7",
    suffers="A saga that is rolled back destroys what an earlier one had committed: after the rollback the data is "
    "gone, or different, though nobody asked for a change.",
    mend="Save what was there before in the transaction of the action, and let the compensation restore it instead of "
    "deleting.",
)
def undo_restores(bench: Bench) -> None:
    _acts_and_undoes(bench, over_former=True)


def _acts_and_undoes(bench: Bench, *, over_former: bool) -> None:
    case = bench.over_a_former_value() if over_former else bench.case()
    before = bench.see(case)
    bench.acted(case)
    answer = bench.undo(case)
    expect(answer.done, f"a compensation must be answered with 2xx, not: {answer}")
    bench.same(before, case, "after the compensation it is not as it was before")


@check(
    "undo-twice",
    "A repeated compensation succeeds and changes nothing.",
    "R6",
    suffers="The answer to the first compensation is lost, the coordinator repeats it, and gets a no: the rollback is "
    "stuck, is parked as a dead letter, and wakes an operator though everything is as it should be.",
    mend="Answer the compensation of what is undone already with the same 2xx.",
)
def undo_twice(bench: Bench) -> None:
    case = bench.case()
    bench.acted(case)
    bench.undone(case)
    before = bench.see(case)
    answer = bench.undo(case)
    expect(answer.done, f"a repeated compensation must succeed, not be answered {answer}")
    bench.same(before, case, "the repeat of a compensation changed something")


@check(
    "undo-twice-spares-later-work",
    "A repeated compensation leaves alone what another saga did since.",
    "R6 R7",
    suffers="A compensation is delivered again, late. It restores the old value over the work of another saga, which "
    "was told that it is committed: a lost update.",
    mend="Mark the barrier record as undone with the first compensation, and let a repeat do nothing.",
)
def undo_twice_spares_later_work(bench: Bench) -> None:
    case = bench.case()
    bench.acted(case)
    bench.undone(case)
    later = bench.case(case.item)
    bench.acted(later)
    before = bench.see(later)
    bench.undo(case)
    bench.same(before, later, "a second compensation changed what another saga had done since")


@check(
    "undo-spares-others",
    "The compensation of a saga that did nothing here leaves alone what another saga did.",
    "R6 R7",
    suffers="A saga is rolled back and takes the effect of another one with it, which is committed or about to be.",
    mend="Find what to undo by the saga that did it, not by the item alone.",
)
def undo_spares_others(bench: Bench) -> None:
    mine, other = bench.case(), bench.case()
    bench.acted(other)
    bench.acted(mine)
    before = bench.see(mine)
    bench.undo(replace(other, item=mine.item))
    bench.same(before, mine, "the compensation of another saga changed it")
