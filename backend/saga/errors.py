"""What can go wrong, as a tree.

SagaError
├── CallError                a call to a participant did not succeed
│   ├── Refused              a definite no
│   └── Unclear              timeout, reset, 5xx after sending, an answer that makes no sense
├── DefinitionError          the saga's steps do not make a saga
├── SagaExists               a saga of this id is in the log already
├── ProjectBusy              an open saga holds the project, and the caller would not wait (R11)
├── TooManyWaiting           the queue of pending sagas is full
├── UnknownSaga              no saga of this id is in the log
├── LeaseLost                somebody else took the saga over; stop touching it (R9)
├── HistoryLost              the log lost events that were not forced; read the history again
└── NotAllowed               the operator's verb does not fit the saga's state
"""

from __future__ import annotations

from collections.abc import Iterable


class SagaError(Exception):
    """The base of all errors that the engine raises on purpose."""


class CallError(SagaError):
    """A call to a participant did not succeed."""


class Refused(CallError):
    """A definite no: the effect did not happen and will not. Raise it from an action that was told no."""


class Unclear(CallError):
    """Nobody knows whether the effect happened.

    Args:
        retry_after: seconds that the participant asked to wait before the next attempt.
    """

    def __init__(self, problem: str, retry_after: float | None = None) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


class DefinitionError(SagaError):
    """The steps do not make a saga: no steps, a name twice, a compensable step after the pivot."""


class SagaExists(SagaError):
    """A saga of this id is in the log already."""


class ProjectBusy(SagaError):
    """An open saga holds the project (R11); ``holder`` is its id."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"saga {holder} is still open in this project")
        self.holder = holder


class TooManyWaiting(SagaError):
    """So many sagas wait already that another one is not taken in; the message says where and how many."""


class UnknownSaga(SagaError):
    """No saga of this id is in the log."""


class LeaseLost(SagaError):
    """Somebody else took the saga over; whatever this worker still wanted to do is not its business any more."""


class HistoryLost(SagaError):
    """The database crashed and lost events that were not forced. The saga is to be driven anew, from its history."""


class NotAllowed(SagaError):
    """The operator's verb does not fit the saga's state; the message says which states it fits."""

    @classmethod
    def in_state(cls, saga_id: str, state: str, allowed: Iterable[str]) -> NotAllowed:
        """The refusal of a verb that is for sagas in one of the ``allowed`` states."""
        return cls(f"saga {saga_id!r} is {state}; this is for sagas that are {', '.join(allowed)}")
