"""Which participants the workers spare now: for /metrics, which another process serves."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from backend.saga_log.schema import spared

_FORGET = delete(spared).where((spared.c.worker == bindparam("who")) | (spared.c.until <= bindparam("now")))
_ENTER = insert(spared)
_COUNT = select(spared.c.participant, func.count()).where(spared.c.until > bindparam("now")).group_by("participant")


def replace(connection: Connection, worker: str, participants: Collection[str], now: float, until: float) -> None:
    """What ``worker`` said before is forgotten, and so is what anybody said whose time is over."""
    connection.execute(_FORGET, {"who": worker, "now": now})
    if participants:
        connection.execute(_ENTER, [{"worker": worker, "participant": one, "until": until} for one in participants])


def count(connection: Connection, now: float) -> dict[str, int]:
    """By participant: how many workers spare it."""
    return {str(participant): int(workers) for participant, workers in connection.execute(_COUNT, {"now": now})}
