"""The naive saga under the two faults that everybody's first saga forgets, against a running system."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import requests

from chaos.auditor.audit import AuditReport, audit
from chaos.auditor.sagas import snapshot_id_of
from chaos.experiments.auditing import poll, target_of
from chaos.experiments.proxy import FaultProxy
from chaos.gallery.naive_saga import NaiveWikiSaga
from chaos.gallery.paper_log import PaperLog
from chaos.running_system import RunningSystem

NaiveFault = Literal["snapshot-answer-lost", "late-save"]
LATE = 2.0  # seconds; longer than the naive saga's patience
PATIENCE = 15.0  # seconds until what was held must have landed
_FAULTS: Mapping[NaiveFault, tuple[str, dict[str, Any], str]] = {
    "snapshot-answer-lost": (
        "backend_git",
        {"action": "drop_response", "nth": 1, "match": {"method": "POST", "path": "^/snapshot/"}},
        "dropped",
    ),
    "late-save": (
        "backend_filesystem",
        {"action": "hold", "ms": int(LATE * 1000), "nth": 2, "match": {"method": "POST", "path": "^/save_file"}},
        "delivered",
    ),
}


def run_naive(system: RunningSystem, fault: NaiveFault | None, project: str) -> dict[str, Any]:
    """Run one naive saga under ``fault``, heal, and wait until the late request has landed.

    Returns:
        the saga's own answer; it says "rolled_back" and means it.

    Raises:
        NoSuchLink: the system runs without a fault proxy.
        TimeoutError: the fault did not fire in time.
    """
    files = {f"{name}.md": f"# {name}\n\n{secrets.token_hex(16)}\n" for name in ("index", "alpha", "beta", "gamma")}
    naive = _saga(system, project)
    if fault is None:
        return naive.execute(files)
    link, attributes, outcome = _FAULTS[fault]
    proxy = FaultProxy(system)
    since, toxic = proxy.last_event(), proxy.add(link, "http_fault", **attributes)
    try:
        answer = naive.execute(files)
        if proxy.wait_for(since, lambda event: event.get("outcome") == outcome, PATIENCE) is None:
            raise TimeoutError(f"the fault {fault} did not fire on the link {link}")
    finally:
        proxy.remove(link, toxic)
    if fault == "late-save" and not poll(lambda: bool(_files(system, project)), PATIENCE):
        raise TimeoutError("the late save was delivered and did not land")
    return answer


def audit_naive(system: RunningSystem, project: str) -> AuditReport:
    """Hold what the naive sagas of ``project`` said against the world. Their log is their own, not the system's."""
    return audit(target_of(system, saga_log=_log(system), project=project))


def sweep(system: RunningSystem, answer: Mapping[str, Any]) -> None:
    """Remove what a failed naive saga left behind, as an operator would have to: by hand, knowing where to look.

    Raises:
        requests.HTTPError: the saga was a success; a confirmed snapshot is not taken back.
    """
    project, saga_id = str(answer["project_id"]), str(answer["saga_id"])
    session = _session(system, project)
    for name in _files(system, project):
        _ok(session.delete(f"{system.url('filesystem_server')}/file/{project}/{quote(name)}", timeout=PATIENCE))
    url = f"{system.url('git_server')}/snapshot/{project}/{snapshot_id_of(saga_id)}"
    _ok(session.delete(url, headers={"X-Saga-Id": saga_id}, timeout=PATIENCE))


def _saga(system: RunningSystem, project: str) -> NaiveWikiSaga:
    headers = {"X-INTERNAL-TOKEN": system.internal_token(project)}
    filesystem, git = (system.services[name].proxied_url for name in ("filesystem_server", "git_server"))
    filesystem, git = filesystem or system.url("filesystem_server"), git or system.url("git_server")
    return NaiveWikiSaga(
        project, "naive", filesystem, git, headers, lambda saga_id: PaperLog(_log(system), saga_id, project)
    )


def _log(system: RunningSystem) -> Path:
    return system.data / "gallery" / "naive-saga.sqlite3"


def _files(system: RunningSystem, project: str) -> list[str]:
    answer = _session(system, project).get(f"{system.url('filesystem_server')}/files/{project}", timeout=PATIENCE)
    _ok(answer)
    return [file["filename"] for file in answer.json()["files"]]


def _session(system: RunningSystem, project: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["X-INTERNAL-TOKEN"] = system.internal_token(project)
    return session


def _ok(answer: requests.Response) -> None:
    answer.raise_for_status()
