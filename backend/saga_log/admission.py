"""Whether a new saga is let in: counted in the transaction that enters it (back-pressure; R11)."""

from __future__ import annotations

from sqlalchemy import Connection, and_, func, select

from backend.saga.errors import ProjectBusy, TooManyWaiting
from backend.saga.ports import Admission, NewSaga
from backend.saga.state import SagaState
from backend.saga_log.schema import sagas


def check(connection: Connection, saga: NewSaga, admission: Admission) -> None:
    """Raises ProjectBusy, TooManyWaiting. A repeated request key or id is let through to where it is told apart."""
    if admission == Admission() or _is_known(connection, saga):
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


def _is_known(connection: Connection, saga: NewSaga) -> bool:
    same = and_(sagas.c.project_id == saga.project_id, sagas.c.request_key == saga.request_key)
    known = sagas.c.saga_id == saga.saga_id
    return (
        connection.execute(select(sagas.c.number).where(known | same if saga.request_key else known)).first()
        is not None
    )
