"""The auditor, aimed at a running system: the steady state of every experiment and the end of every load test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chaos.auditor.audit import AuditReport, AuditTarget, audit, wait_until_quiet
from chaos.auditor.collectors.saga_log import unclosed_sagas
from chaos.compose_project import COMMAND_LIMIT, ComposeProject, docker
from chaos.running_system import RunningSystem


def target_of(system: RunningSystem, **changes: Any) -> AuditTarget:
    """What to audit of ``system``, of which a part may run; ``changes`` replace members, ``project`` above all."""
    wanted: dict[str, Any] = {
        "saga_log": system.saga_log,
        "filesystem_data": system.data / "filesystem_server",
        "git_data": system.data / "git_server",
        "neo4j_url": _url(system, "neo4j_stub"),
        "chroma_url": _url(system, "chroma_stub"),
        "filesystem_url": _url(system, "filesystem_server"),
        "git_url": _url(system, "git_server"),
        "token": system.internal_token,
    }
    return AuditTarget(**(wanted | _real_servers(system) | changes))


def _url(system: RunningSystem, name: str) -> str | None:
    return system.services[name].url if name in system.services else None


def _real_servers(system: RunningSystem) -> dict[str, Any]:
    """What a target says of real servers that take the place of stubs: credentials, or that there are none."""
    found: dict[str, Any] = {}
    unguarded = set()
    if system.is_external("neo4j_stub"):
        found["neo4j_database"] = system.setting("NEO4J_DATABASE") or "neo4j"
        if password := system.setting("NEO4J_PASSWORD"):
            user = system.setting("NEO4J_USER") or "neo4j"
            found["neo4j_url"] = _with_user(system.url("neo4j_stub"), user, password)
        else:
            unguarded.add("neo4j")
    if system.is_external("chroma_stub"):
        found["chroma_token"] = system.setting("CHROMA_TOKEN")
        if not found["chroma_token"]:
            unguarded.add("chroma")
    return found | {"unguarded": frozenset(unguarded)}


def _with_user(url: str, user: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


def audit_when_quiet(
    system: RunningSystem,
    quiet: float,
    *,
    journal: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> AuditReport:
    """Wait up to ``quiet`` seconds until no saga is open or parked, then audit the whole system.

    Parked sagas are waited for because they try again by themselves, slowly (R10). What is still open or parked after
    that is what the audit finds: limbo, or stuck.
    """
    if compose := ComposeProject.of(system.state):
        return _audit_inside(compose, quiet, journal)
    deadline = time.monotonic() + quiet
    wait_until_quiet(system.saga_log, quiet, on_progress)
    poll(lambda: unclosed_sagas(system.saga_log) == 0, deadline - time.monotonic(), every=0.5)
    return audit(target_of(system, journal=journal), on_progress=on_progress)


def _audit_inside(compose: ComposeProject, quiet: float, journal: Path | None) -> AuditReport:
    """The same in a container that sees the disks. Raises DockerTrouble."""
    command = compose.inside_command("python", "-m", "chaos.inside", "audit", str(quiet), journal=journal is not None)
    told = journal.read_text() if journal else None
    return AuditReport.from_json(json.loads(docker(*command[1:], given=told, timeout=quiet + COMMAND_LIMIT).stdout))


def poll(condition: Callable[[], bool], timeout: float, every: float = 0.05) -> bool:
    """Whether ``condition`` came true within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True
