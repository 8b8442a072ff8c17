"""The saga log's database is away for a while: no defect, worth another try, and said once."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, PendingRollbackError

log = logging.getLogger(__name__)
LOG_IS_AWAY = (OperationalError, InterfaceError, InternalError, PendingRollbackError)
"""What the log raises while its database restarts, cannot be reached, takes no writes or ended an idle transaction."""


class Outage:
    """Tells of the first of many failures, whichever thread meets it, and that they are over.

    A database that is away gets one line; whatever else goes wrong is a defect, and its whole story is told.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: object = None

    def found(self, error: Exception) -> None:
        """The log could not be read or written."""
        away = isinstance(error, LOG_IS_AWAY)
        kind = LOG_IS_AWAY if away else type(error)
        with self._lock:
            known, self._told = self._told == kind, kind
        if not known:
            short = str(error).partition("\n")[0]
            story = None if away else error
            log.warning("the saga log cannot be read or written now: %s", short, exc_info=story)

    def over(self) -> None:
        """It can be read and written."""
        with self._lock:
            known, self._told = self._told is not None, None
        if known:
            log.info("the saga log can be read and written again")
