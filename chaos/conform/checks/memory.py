"""What was promised is kept: while many others come and go, and over a restart."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.conform.bench import Bench
from chaos.conform.calls import Case
from chaos.conform.checks.barrier import refused_for_ever
from chaos.conform.registry import check, expect, needs
from chaos.conform.sight import Seen
from chaos.conform.wire import Answer


@dataclass(frozen=True)
class Promise:
    """A saga that acted, one that was compensated, and one that acted over a former value."""

    acted: Case
    answer: Answer
    once: Seen
    blocked: Case
    replaced: Case
    before: Seen

    @classmethod
    def made(cls, bench: Bench) -> Promise:
        acted, blocked = bench.case(), bench.case()
        replaced = bench.over_a_former_value() if bench.spec.confirm else bench.case()
        before = bench.see(replaced)
        answer = bench.acted(acted)
        bench.acted(replaced)
        bench.acted(blocked)
        bench.undone(blocked)
        return cls(acted, answer, bench.see(acted), blocked, replaced, before)

    def kept(self, bench: Bench, since: str) -> None:
        """Raises Broken, saying what was forgotten."""
        again = bench.act(self.acted)
        expect(bench.alike(self.answer, again), f"a repeat {since} was answered {again}, the first time {self.answer}")
        bench.same(self.once, self.acted, f"a repeat {since} changed something")
        refused_for_ever(bench, self.blocked)
        bench.undone(self.replaced)
        bench.same(self.before, self.replaced, f"a compensation {since} did not bring back what was there before")


@check(
    "remembers-among-many",
    "It remembers a saga while many others come and go.",
    "R3 R6 R9",
    suffers="Keys live in a cache that drops the oldest. Under load the repeat of an older request is a new request: "
    "double effects, exactly when the system is busy.",
    mend="Keep keys and barrier records in the database, for longer than any request can be on its way; drop them by "
    "age and only for sagas that are over.",
)
def remembers_among_many(bench: Bench) -> None:
    promise = Promise.made(bench)
    for _ in range(bench.rounds):
        bench.next_round()
        other = bench.case()
        bench.acted(other)
        bench.undone(other)
    promise.kept(bench, "after many other sagas")


@check(
    "remembers-over-a-restart",
    "It remembers every saga over a restart.",
    "R3 R6 R9",
    suffers="The server is restarted in the middle of a saga: a deployment is enough. It has forgotten what it did: "
    "repeats act again, late actions are let in, and compensations have nothing to restore.",
    mend="Force record, effect and undo data to disk together, before the answer.",
)
def remembers_over_a_restart(bench: Bench) -> None:
    needs(bench.restart, "nobody said how to restart the server (--restart-command)")
    promise = Promise.made(bench)
    assert bench.restart is not None  # noqa: S101 - for the type checker
    bench.restart()
    promise.kept(bench, "after a restart")
