"""What arrives at the same instant."""

from __future__ import annotations

from functools import partial

from chaos.conform.bench import BUSY, Bench
from chaos.conform.checks.barrier import refused_for_ever
from chaos.conform.registry import Broken, check, expect

DUPLICATES = 4


@check(
    "action-and-undo-at-once",
    "When an action and its compensation arrive at the same instant, nothing is left, and the action stays refused.",
    "R6",
    suffers="The coordinator gave up waiting and compensates while the action is still at work. Both look, both see "
    "nothing of the other, both go on: the saga is rolled back and its effect stays. It happens once in thousands, "
    "under load.",
    mend="Let action and compensation insert the same unique key, in the transaction of their effect; whoever comes "
    "second finds out from the database, not from a look beforehand.",
)
def action_and_undo_at_once(bench: Bench) -> None:
    for _ in range(bench.rounds):
        bench.next_round()
        case = bench.case()
        before = bench.see(case)
        raced = bench.together(("action", case), ("compensation", case))
        undone = raced[1]
        if not undone.done:
            undone = bench.insist(partial(bench.undo, case))
        expect(undone.done, f"the compensation must succeed in the end, not be answered {undone}")
        bench.same(before, case, "action and compensation came at once, and something is left")
        refused_for_ever(bench, case)


@check(
    "duplicates-at-once",
    f"{DUPLICATES} duplicates of one action at the same instant have one effect and get one answer.",
    "R3 R6",
    suffers="A proxy repeats a slow request while the first is still at work. Both look for the key, neither finds it, "
    "both act: the effect is there twice and is compensated once.",
    mend="Claim the key by inserting it before the effect, in the same transaction; a duplicate waits, or is told 409.",
)
def duplicates_at_once(bench: Bench) -> None:
    for _ in range(bench.rounds):
        bench.next_round()
        case = bench.case()
        before = bench.see(case)
        answers = bench.together(*[("action", case)] * DUPLICATES)
        done = [answer for answer in answers if answer.done]
        strange = [answer for answer in answers if not answer.done and answer.status not in BUSY]
        expect(done, f"of {DUPLICATES} duplicates none was done: {', '.join(map(str, answers))}")
        expect(
            not strange,
            f"a duplicate must be answered as the first or told to wait, not {', '.join(map(str, strange))}",
        )
        if not all(bench.alike(done[0], answer) for answer in [*done, bench.act(case)]):
            raise Broken("duplicates of one action were answered differently")
        bench.one_effect(case, f"{DUPLICATES} duplicates had more than one effect")
        bench.undone(case)
        bench.same(before, case, f"{DUPLICATES} duplicates were compensated once, and something is left")
