"""The auditor, aimed at a running system: the steady state of every experiment and the end of every load test."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.auditor.audit import AuditReport, AuditTarget, audit, wait_until_quiet
from chaos.running_system import RunningSystem


def target_of(system: RunningSystem, **changes: Any) -> AuditTarget:
    """What to audit of ``system``; ``changes`` replace members, ``journal`` and ``project`` above all."""
    wanted: dict[str, Any] = {
        "saga_log": system.saga_log,
        "filesystem_data": system.data / "filesystem_server",
        "git_data": system.data / "git_server",
        "neo4j_url": system.url("neo4j_stub"),
        "chroma_url": system.url("chroma_stub"),
        "filesystem_url": system.url("filesystem_server"),
        "git_url": system.url("git_server"),
        "token": system.internal_token,
    }
    return AuditTarget(**(wanted | changes))


def audit_when_quiet(
    system: RunningSystem,
    quiet: float,
    *,
    journal: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> AuditReport:
    """Wait up to ``quiet`` seconds until no saga is open, then audit the whole system.

    A saga that is still open after that is what the audit finds: limbo.
    """
    wait_until_quiet(system.saga_log, quiet, on_progress)
    return audit(target_of(system, journal=journal), on_progress=on_progress)


def poll(condition: Callable[[], bool], timeout: float, every: float = 0.05) -> bool:
    """Whether ``condition`` came true within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True
