"""Whether a new saga is let in: counted in the transaction that enters it (back-pressure; R11)."""

from __future__ import annotations

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from backend.saga.errors import ProjectBusy, SagaExists, TooManyWaiting
from backend.saga.ports import Admission, NewSaga
from backend.saga.state import SagaState
from backend.saga_log.schema import sagas


def check(connection: Connection, saga: NewSaga, admission: Admission) -> None:
    """Raises SagaExists, ProjectBusy, TooManyWaiting; before anything is written, for others share the transaction."""
    if _is_known(connection, saga):
        raise SagaExists(f"saga {saga.saga_id!r} (or its Idempotency-Key) is in the log already")
    if admission == Admission():
        return
    its_project = sagas.c.project_id == saga.project_id
    if admission.only_if_free:
        is_open = select(sagas.c.saga_id).where(its_project, sagas.c.closed.is_(False)).order_by(sagas.c.number)
        if holder := connection.execute(is_open.limit(1)).scalar():
            raise ProjectBusy(holder)
    waiting = and_(sagas.c.state == str(SagaState.PENDING), sagas.c.saga_type == saga.saga_type)
    count = select(func.count()).select_from(sagas)
    if (limit := admission.waiting_per_project) is not None:
        refuse_beyond(limit, connection.execute(count.where(waiting, its_project)).scalar_one(), "in this project")
    if (limit := admission.waiting) is not None:
        refuse_beyond(limit, connection.execute(count.where(waiting)).scalar_one(), "in all")


def refuse_beyond(limit: int, found: int, where: str) -> None:
    """Raises TooManyWaiting when one more than ``found`` would be more than ``limit``."""
    if found >= limit:
        raise TooManyWaiting(f"{found} generations wait {where} already; the limit is {limit}")


_KNOWN = select(sagas.c.number).where(
    or_(
        sagas.c.saga_id == bindparam("saga"),
        and_(sagas.c.project_id == bindparam("project"), sagas.c.request_key == bindparam("key")),
    )
)


def _is_known(connection: Connection, saga: NewSaga) -> bool:
    names = {"saga": saga.saga_id, "project": saga.project_id, "key": saga.request_key}
    return connection.execute(_KNOWN, names).first() is not None
