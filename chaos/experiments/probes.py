"""The steady state of every experiment."""

from __future__ import annotations

from typing import Any

from chaos.experiments.actions import start_generation, write_documents
from chaos.experiments.auditing import audit_when_quiet
from chaos.experiments.evidence import write_journal
from chaos.experiments.run import PATIENCE, SOON, current

Configuration = dict[str, Any]


def verdict(configuration: Configuration) -> str:
    """What the auditor says once no saga is open: ``valid``, ``invalid`` or ``unknown``."""
    run = current(configuration)
    run.report = audit_when_quiet(run.system, PATIENCE, journal=write_journal(run))
    return str(run.report.verdict)


def claim(configuration: Configuration) -> str:
    """``holds``, or what went otherwise."""
    return "; ".join(current(configuration).problems) or "holds"


def generation(configuration: Configuration) -> str:
    """How a generation without faults ends: nothing that was broken before may hold the project up."""
    run = current(configuration)
    write_documents(configuration)
    saga_id = start_generation(configuration)
    status = run.client.wait(saga_id, SOON)
    run.answers.append(status)
    return str(status["state"])
