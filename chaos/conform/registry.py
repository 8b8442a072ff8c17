"""The checks: one function each, with a sentence, the rule behind it, what a saga suffers without it, and the remedy.

A check returns when all is well. Otherwise it raises::

    Broken        the server did what it must not: invalid
    CannotTell    a precondition did not hold, or nothing can be observed: unknown
    NotClaimed    the server was never said to be able to do this: not judged
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.conform.bench import Bench


class Broken(Exception):
    """The rule is broken; the message is one sentence that says what was seen and what should be."""


class CannotTell(Exception):
    """The check could not see what it needs."""


class NotClaimed(Exception):
    """The check is about something that this server was not said to do; the message says how to say it."""


@dataclass(frozen=True)
class Check:
    """One rule of a participant, as it can be seen from outside.

    Attributes:
        rule: of the numbered rules (R3, R6, ...).
        suffers: what happens to a saga at a server that breaks it.
        mend: how to mend the server.
    """

    name: str
    sentence: str
    rule: str
    suffers: str
    mend: str
    run: Callable[[Bench], None]


CHECKS: list[Check] = []  # in the order in which the modules of `checks` are imported


def check(name: str, sentence: str, rule: str, *, suffers: str, mend: str) -> Callable[..., Callable[[Bench], None]]:
    """Registers the function that follows as a check."""

    def register(run: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CHECKS.append(Check(name, sentence, rule, suffers, mend, run))
        return run

    return register


def expect(holds: object, said: str) -> None:
    """Raises Broken with ``said`` unless it holds."""
    if not holds:
        raise Broken(said)


def needs(given: object, said: str) -> None:
    """Raises NotClaimed with ``said`` unless it was given."""
    if not given:
        raise NotClaimed(said)
