"""Outcomes are three words (R2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from backend.saga.errors import Refused, Unclear

NO_ANSWER_IN_TIME = "no answer in time"
"""The words with which the problem of a call ends that timed out; the statistics know it by them."""


@dataclass(frozen=True)
class Done:
    """The participant said yes."""

    result: Any = None


@dataclass(frozen=True)
class No:
    """A definite no: the effect did not happen and will not."""

    problem: str


@dataclass(frozen=True)
class Perhaps:
    """Nobody knows: no answer, a broken answer, or an error that may have come after the effect.

    Attributes:
        retry_after: seconds that the participant asked us to wait, or None.
    """

    problem: str
    retry_after: float | None = None


Outcome = Done | No | Perhaps


def outcome_of_result(result: Any, *, needed: bool) -> Outcome:
    """The outcome of a call that returned ``result``. One that no log can keep is done only if it is not ``needed``."""
    try:
        json.dumps(result, sort_keys=True, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return Perhaps(f"its result cannot be kept in the log: {error}") if needed else Done()
    return Done(result)


def _text_of(error: Exception) -> str:
    """What the error says; half a surrogate pair cannot be kept in the log, and an error may fail to say anything."""
    try:
        return str(error).encode(errors="replace").decode()
    except Exception:
        return "an error that cannot be put in words"


def outcome_of(error: Exception) -> Outcome:
    """The outcome of a call that raised ``error``. Only ``Refused`` is a no; no answer never is (R2)."""
    problem = _text_of(error)
    if isinstance(error, Refused):
        return No(problem)
    if isinstance(error, Unclear):
        return Perhaps(problem, error.retry_after)
    return Perhaps(f"{type(error).__name__}: {problem}")
