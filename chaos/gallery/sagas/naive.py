"""The first saga that nearly everybody writes: it undoes what it knows to be done, and deletes what it wrote.

It is the very class that ``testbed demo`` runs over a real system (chaos/gallery/naive_saga.py says more of it). Seen:
MassTransit's routing slips (https://masstransit.io/documentation/concepts/routing-slips) keep a log of the activities
that completed and compensate those; https://github.com/apache/servicecomb-pack/issues/220 asks why only those, and is
told that a transaction that was aborted had no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests

from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga
from chaos.explorer.run import System
from chaos.explorer.saga_log import LogOfProcess
from chaos.explorer.scenario import Anomaly
from chaos.explorer.wiki import FILESYSTEM, GIT, USER, Wanted, WikiScenario
from chaos.explorer.world import Process
from chaos.gallery.engine_scenarios import WikiUnder
from chaos.gallery.entry import Entry, Kind, name_of
from chaos.gallery.naive_saga import NaiveWikiSaga
from chaos.gallery.paper_log import SAGA_TYPE

ASKED = "asked"
"""What clients asked for; who takes one crosses it out, and nobody takes it again."""


class NaiveWiki(WikiScenario):
    """The wiki scenario, without relationships, as the naive saga does it. The past is the real engine's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        return {**super().keep(durable), ASKED: list(self.wanted)}

    def begin(self, system: System) -> None:
        """The naive saga writes down itself what it was asked for."""

    def work(self, system: System, process: Process) -> None:
        if ASKED not in system.durable:  # the past
            return super().work(system, process)
        while asked := system.durable[ASKED]:
            with suppress(requests.RequestException, OSError):  # the script ends with a traceback
                _run(system, process, asked.pop())
        return None


def _run(system: System, process: Process, wanted: Wanted) -> None:
    log = LogOfProcess(system.durable["log"], system.world, process)
    paper = _Paper(log, wanted, system)
    headers = system.tokens.headers(USER, wanted.project)
    NaiveWikiSaga(
        wanted.project,
        USER,
        f"http://{FILESYSTEM}",
        f"http://{GIT}",
        headers,
        lambda saga_id: paper,
        system.session(process),
        wanted.saga_id,
    ).execute(wanted.files)


class _Paper:
    """The naive saga's own log, where a simulation can see it."""

    def __init__(self, log: LogOfProcess, wanted: Wanted, system: System) -> None:
        self._log, self._wanted, self._system = log, wanted, system

    def write(self, kind: str, step: str | None = None, **data: Any) -> None:
        event = Event(EventType(kind), self._system.world.clock.now(), step, data)
        if event.type is EventType.REQUESTED:
            self._log.create(NewSaga(self._wanted.saga_id, SAGA_TYPE, self._wanted.project, USER, {}), event)
        else:
            known = self._log.get(self._wanted.saga_id).last_seq
            self._log.append(self._wanted.saga_id, 0, known, [event])


ENTRY = Entry(
    name_of(__name__),
    "deletes what it knows to be saved",
    Kind.SAGA,
    NaiveWiki,
    WikiUnder,
    Anomaly.ORPHAN,
    __name__,
)
