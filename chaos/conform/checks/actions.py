"""The action, once and again."""

from __future__ import annotations

from dataclasses import replace

from chaos.conform.bench import Bench
from chaos.conform.registry import check, expect


@check(
    "action-takes-effect",
    "An action that was answered is done: a reader sees it at once.",
    "R2",
    suffers="A coordinator takes the answer for done and goes on; when the effect is lost or comes later, the saga is "
    "reported as committed without one of its effects, or its compensation finds nothing and the effect comes later.",
    mend="Answer only after the effect is durable and readable: commit first, then answer. Work that takes long is "
    "accepted with a 202 and a status address, and is no action of a saga.",
)
def action_takes_effect(bench: Bench) -> None:
    case = bench.case()
    before = bench.see(case)
    answer = bench.act(case)
    expect(answer.done, f"a plain action on a fresh item must be answered with 2xx, not: {answer}")
    bench.changed(before, case, "the action was answered as done and nothing changed")


@check(
    "repeated-action-same-answer",
    "A repeated action is answered as the first time.",
    "R3 R6",
    suffers="The answer to the first attempt is lost and the coordinator repeats it, as it must. It reads a conflict "
    "as a definite no, rolls back a saga that could have committed, or reports an id that is not the one in the data.",
    mend="Keep the first answer beside the effect, under (saga, step, item) or the idempotency key, in the same "
    "transaction, and give it again.",
)
def repeated_action_same_answer(bench: Bench) -> None:
    case = bench.case()
    first = bench.acted(case)
    again = bench.act(case)
    expect(bench.alike(first, again), f"the first time it was answered {first}, the second time {again}")


@check(
    "repeated-action-one-effect",
    "A repeated action has one effect.",
    "R3 R6",
    suffers="Every lost answer doubles the effect: two reservations, two payments, two files. One compensation takes "
    "back one of them and leaves the other as an orphan.",
    mend="Insert the key under a unique index in the transaction of the effect; a repeat finds it and does nothing.",
)
def repeated_action_one_effect(bench: Bench) -> None:
    case = bench.case()
    bench.acted(case)
    once = bench.see(case)
    bench.act(case)
    bench.same(once, case, "the repeat of an action changed something")


@check(
    "repeated-action-undone",
    "One compensation takes back an action that was delivered twice.",
    "R3 R6 R7",
    suffers="The second delivery saves its own effect as what was there before. The compensation then restores that: "
    "the saga is reported as rolled back, and its effect stays.",
    mend="Save what was there before only in the transaction that inserts the barrier record, never for a repeat.",
)
def repeated_action_undone(bench: Bench) -> None:
    case = bench.case()
    before = bench.see(case)
    bench.acted(case)
    bench.act(case)
    bench.undone(case)
    bench.same(before, case, "the action came twice, was compensated, and something is left")


@check(
    "same-key-other-body",
    "The same saga and key with another body is refused.",
    "R3",
    suffers="A defect in the coordinator (a key used for two things, or content that is not the same in every attempt) "
    "stays hidden: the second request is reported as done and its content is nowhere, or it replaces the first.",
    mend="Keep a fingerprint of the body with the key, and answer another one with 409 or 422.",
)
def same_key_other_body(bench: Bench) -> None:
    case = bench.case()
    bench.acted(case)
    before = bench.see(case)
    answer = bench.act(replace(case, value=bench.case().value))
    expect(answer.refused, f"the same key with another value must be refused with 4xx, not answered {answer}")
    bench.same(before, case, "the request was refused and yet it changed something")
