"""Clone and fetch over HTTP, read-only: git's smart protocol (gitprotocol-http(5)), spoken by ``git upload-pack``.

Git clients cannot mint an ``X-INTERNAL-TOKEN``, so below /git/ the token may also come as the password of HTTP Basic.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Generator, Iterable
from itertools import chain
from typing import Any

from flask import Blueprint, Response, request

from git_server.models import PROJECT_ID
from git_server.repository import Repository
from git_server.store import SnapshotStore
from service_kit import names
from service_kit.app import require_project
from service_kit.problems import Forbidden, InvalidRequest, NotFound, TooLarge

PREFIX = "/git/"
READ, WRITE = "git-upload-pack", "git-receive-pack"
MAX_ASK_BYTES = 32 * 1024 * 1024  # a client's wants and haves, unpacked
_CHUNK = 64 * 1024
_VERSION = re.compile(r"version=[012]")
_TOKEN_HEADER = "HTTP_" + names.INTERNAL_TOKEN.upper().replace("-", "_")


class PasswordIsToken:
    """WSGI middleware: below /git/, the password of HTTP Basic becomes the internal token that the service checks."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(PREFIX) and _TOKEN_HEADER not in environ:
            password = _basic_password(environ.get("HTTP_AUTHORIZATION", ""))
            if password:
                environ[_TOKEN_HEADER] = password
        return self._app(environ, start_response)


def _basic_password(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode("latin-1").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def make_smart_http(store: SnapshotStore) -> Blueprint:
    """The routes below /git/ (git's own protocol, so not on the OpenAPI page)."""
    git = Blueprint("smart_http", __name__, url_prefix=PREFIX)

    @git.get("/<project>.git/info/refs")
    def refs(project: str) -> Response:
        repository = _repository(store, project, request.args.get("service", ""))
        hello = _packet(f"# service={READ}\n") + b"0000"
        return _answer("advertisement", _upload_pack(store, repository, b"", "--advertise-refs"), hello)

    @git.post("/<project>.git/<any('git-upload-pack', 'git-receive-pack'):service>")
    def exchange(project: str, service: str) -> Response:
        repository = _repository(store, project, service)
        return _answer("result", _upload_pack(store, repository, _unpacked(request.get_data())))

    @git.errorhandler(PushRefused)
    def refuse_push(refused: PushRefused) -> Response:
        return Response(f"{refused.detail}\n", 403, content_type="text/plain; charset=utf-8")  # git shows plain text

    @git.after_app_request
    def ask_for_password(response: Response) -> Response:
        if response.status_code == 401 and request.path.startswith(PREFIX):
            response.headers["WWW-Authenticate"] = 'Basic realm="any user name, an internal token as password"'
        return response

    return git


def _repository(store: SnapshotStore, project: str, service: str) -> Repository:
    """The repository to serve, with everything decided applied.

    Raises:
        Forbidden: a push, or a token of another project.
        NotFound, InvalidRequest: there is no such repository, or no such service.
    """
    if not re.fullmatch(PROJECT_ID, project):
        raise NotFound("there is no such repository")
    require_project(project)
    if service == WRITE:
        raise PushRefused
    if service != READ:
        raise InvalidRequest("only git's smart protocol is spoken here", field="service")
    store.settle(project)
    repository = store.repositories.of(project)
    if not repository.exists():
        raise NotFound(f"project {project!r} has no repository yet")
    return repository


class PushRefused(Forbidden):
    """Only sagas write."""

    def __init__(self) -> None:
        super().__init__("pushing is refused: this repository is read-only, it is written by the wiki's sagas alone")


def _upload_pack(
    store: SnapshotStore, repository: Repository, ask: bytes, *options: str
) -> Generator[bytes, None, None]:
    """What git answers to ``ask``, as it comes; closing the iterator ends git."""
    version = request.headers.get("Git-Protocol", "")
    extra = {"GIT_PROTOCOL": version} if _VERSION.fullmatch(version) else {}
    arguments = ("upload-pack", "--stateless-rpc", *options, str(repository.path))
    with store.repositories.git.start(*arguments, stdin=ask, extra=extra) as process:
        try:
            while chunk := process.stdout.read1(_CHUNK):  # type: ignore[union-attr]
                yield chunk
        finally:
            process.kill()


def _answer(kind: str, stream: Generator[bytes, None, None], head: bytes = b"") -> Response:
    head += next(stream, b"")  # git runs before the status is sent, so what fails at once is a problem
    response = Response(chain([head], stream), content_type=f"application/x-{READ}-{kind}")
    response.headers["Cache-Control"] = "no-cache"
    response.call_on_close(stream.close)
    return response


def _packet(text: str) -> bytes:
    return f"{len(text) + 4:04x}{text}".encode()


def _unpacked(body: bytes) -> bytes:
    """The body as git sent it, which it may have compressed; a bomb gets a 413."""
    if request.headers.get("Content-Encoding", "identity") not in ("gzip", "x-gzip"):
        return body
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(body, MAX_ASK_BYTES)
    except zlib.error:
        raise InvalidRequest("the body is not valid gzip", field="body") from None
    if unzip.unconsumed_tail:
        raise TooLarge(f"the unpacked body has more than {MAX_ASK_BYTES} bytes")
    if not unzip.eof:
        raise InvalidRequest("the gzip body ends too early", field="body")
    return plain
