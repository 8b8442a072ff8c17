"""More than one saga, and the end of one."""

from __future__ import annotations

from functools import partial

from chaos.conform.bench import Bench
from chaos.conform.registry import check, expect, needs

NO_CONFIRM = "the server has no confirm (--confirm)"


@check(
    "pending-is-locked",
    "A second saga's action on an item that an open saga wrote is refused with 409, until that saga is over.",
    "R11",
    suffers="Two sagas write the same item. The first is rolled back and restores what it found: the second one's "
    "effect is gone, though it was reported as committed.",
    mend="Keep a record of the open saga that holds an item, under a unique index on the item; refuse others with 409 "
    "and drop it with the compensation or the confirm.",
)
def pending_is_locked(bench: Bench) -> None:
    needs(bench.spec.locks, "the server does not claim to lock what an open saga wrote (--locks)")
    first = bench.case()
    bench.acted(first)
    before = bench.see(first)
    second = bench.case(first.item)
    answer = bench.act(second)
    expect(answer.status == 409, f"an item that an open saga wrote must be refused to others with 409, not {answer}")
    bench.same(before, first, "another saga's action was refused and yet it changed something")
    bench.undone(first)
    again = bench.insist(partial(bench.act, bench.case(first.item)))
    expect(again.done, f"the saga is over, and yet the item is refused to others: {again}")


@check(
    "undo-after-confirm",
    "A compensation after the confirm is refused, and the effect stands.",
    "R8",
    suffers="A compensation that was sent before the commit (by a coordinator that was slow, or replaced) arrives "
    "after it, and takes back a part of a saga that is reported as committed.",
    mend="Let the confirm close the barrier record for good, and answer a compensation after it with 409.",
)
def undo_after_confirm(bench: Bench) -> None:
    needs(bench.spec.confirm, NO_CONFIRM)
    case = bench.case()
    bench.acted(case)
    answer = bench.confirm(case)
    expect(answer.done, f"the confirm must be answered with 2xx, not: {answer}")
    before = bench.see(case)
    undo = bench.undo(case)
    expect(undo.refused, f"the compensation of a confirmed saga must be refused with 4xx, not answered {undo}")
    bench.same(before, case, "the compensation was refused and yet it changed something")


@check(
    "confirm-twice",
    "A repeated confirm succeeds and changes nothing.",
    "R8",
    suffers="The answer to a confirm is lost. The coordinator may only go forward now, repeats it, is refused for "
    "ever, and the saga never closes.",
    mend="Answer the confirm of what is confirmed already with the same 2xx.",
)
def confirm_twice(bench: Bench) -> None:
    needs(bench.spec.confirm, NO_CONFIRM)
    case = bench.case()
    bench.acted(case)
    first = bench.confirm(case)
    before = bench.see(case)
    again = bench.confirm(case)
    expect(first.done and again.done, f"a confirm must succeed every time; it was answered {first}, then {again}")
    bench.same(before, case, "the repeat of a confirm changed something")
