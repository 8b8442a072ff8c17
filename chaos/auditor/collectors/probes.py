"""A6, asked in earnest: requests without a right, each on a reserved project of its own; then a look for effects."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from chaos.auditor.collectors.neo4j import query_path, without_user
from chaos.auditor.facts import Probe, ProbeFacts
from service_kit import names

Token = Callable[[str], str]
Look = Callable[[str], bool]
"""Whether anything of this project is there; raises when that cannot be seen."""
Credential = tuple[str, Callable[[str], str | None]]
"""What it is, in words, and how it is made for a project."""

TIMEOUT = 10.0  # seconds for one probe
RESERVED = "auditor-probe"
_FILE, _CONTENT = "probe.md", "written without a right to do so\n"
_SAGA_HEADER = {names.SAGA_ID: RESERVED}


@dataclass(frozen=True)
class Request:
    """One request that changes something, ``{project}`` standing for the reserved project."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Door:
    """One participant: where it is, what to try there, how to see an effect."""

    name: str
    url: str
    requests: tuple[Request, ...]
    look: Look


def filesystem_door(url: str, look: Look) -> Door:
    """filesystem_server: save one, save many, undo."""
    one = {"project_id": "{project}", "filename": _FILE, "content": _CONTENT}
    many = {"saga_id": RESERVED, "files": [{"filename": _FILE, "content": _CONTENT}]}
    tries = (
        Request("POST", "/save_file", one),
        Request("POST", "/files/{project}", many, _SAGA_HEADER),
        Request("DELETE", "/files/{project}", None, _SAGA_HEADER),
    )
    return Door("filesystem_server", url, tries, look)


def git_door(url: str, look: Look) -> Door:
    """git_server: make a snapshot, undo one."""
    files = {_FILE: hashlib.sha256(_CONTENT.encode()).hexdigest()}
    body = {"saga_id": RESERVED, "message": "probe", "files": files}
    snapshot_id = f"snap-{hashlib.sha256(RESERVED.encode()).hexdigest()[:16]}"
    tries = (
        Request("POST", "/snapshot/{project}", body, _SAGA_HEADER),
        Request("DELETE", f"/snapshot/{{project}}/{snapshot_id}", None, _SAGA_HEADER),
    )
    return Door("git_server", url, tries, look)


def graph_door(url: str, database: str, look: Look) -> Door:
    """The graph: make a page."""
    statement = "CREATE (p:Page {project: $project, name: 'probe'}) RETURN p.name AS name"
    body = {"statement": statement, "parameters": {"project": "{project}"}}
    return Door("neo4j", without_user(url), (Request("POST", query_path(database), body),), look)


def documents_door(url: str, look: Look) -> Door:
    """Chroma: make a collection."""
    path = "/api/v2/tenants/default_tenant/databases/default_database/collections"
    return Door("chroma", without_user(url), (Request("POST", path, {"name": "{project}"}),), look)


def knock(session: requests.Session, doors: list[Door], token: Token | None, unique: str) -> ProbeFacts:
    """Try every request at every door with every credential that gives no right.

    Args:
        token: mints a good token for a project; without it the token of another project cannot be tried.
        unique: makes the reserved projects of this audit its own (hex digits).
    """
    skipped = [] if token else ["no token of another project could be tried: there is nobody to mint one"]
    credentials = list(_credentials(token))
    tries = [(door, request, kind) for door in doors for kind in credentials for request in door.requests]
    probes = [
        _probe(session, door, request, kind, f"{RESERVED}-{unique}-{number}")
        for number, (door, request, kind) in enumerate(tries)
    ]
    return ProbeFacts(probes, skipped)


def _credentials(token: Token | None) -> Iterator[Credential]:
    yield "no token", lambda project: None
    yield "an unsigned token", _unsigned
    if token is None:
        yield "a badly signed token", lambda project: f"{_unsigned(project)}{_encoded(b'x' * 32)}"
        return
    good = token
    yield "a badly signed token", lambda project: _with_other_signature(good(project))
    yield "a token of another project", lambda project: good(f"{project}-other")


def _unsigned(project: str) -> str:
    now = int(time.time())
    claims = {"iss": "backend", "aud": "internal", "sub": RESERVED, "project": project, "iat": now, "exp": now + 60}
    return f"{_encoded(json.dumps({'alg': 'none', 'typ': 'JWT'}).encode())}.{_encoded(json.dumps(claims).encode())}."


def _with_other_signature(token: str) -> str:
    head, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[0] ^= 0xFF
    return f"{head}.{_encoded(bytes(raw))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _probe(session: requests.Session, door: Door, request: Request, credential: Credential, project: str) -> Probe:
    words, make = credential
    status, appeared, trouble = None, None, None
    try:
        status = _send(session, door, request, make(project), project)
    except requests.RequestException as error:
        trouble = f"no answer: {type(error).__name__}"
    try:
        appeared = door.look(project)
    except Exception as error:  # whatever it is, the effect could not be looked for
        trouble = trouble or f"its effect could not be looked for: {error or type(error).__name__}"
    shown = f"{request.method} {request.path.format(project=project)}"
    return Probe(door.name, words, shown, status, appeared, trouble)


def _send(session: requests.Session, door: Door, request: Request, token: str | None, project: str) -> int:
    body = json.dumps(request.body).replace("{project}", project).encode() if request.body is not None else None
    headers = {"Content-Type": "application/json"} if body is not None else {}
    headers |= dict(request.headers) | ({names.INTERNAL_TOKEN: token} if token else {})
    url = door.url.rstrip("/") + request.path.format(project=project)
    answer = session.request(
        request.method, url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, auth=_nobody
    )
    return answer.status_code


def _nobody(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from finding credentials by itself."""
    return prepared
