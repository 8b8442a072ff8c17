"""How git_server reads files: every answer of filesystem_server means done, a definite refusal, or unavailable."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest
import requests
from requests.adapters import BaseAdapter

from git_server import reading
from git_server.errors import FileMissing, FilesystemUnavailable, HashMismatch
from git_server.reading import Errand, FileReader
from service_kit.problems import TooLarge
from service_kit.tokens import Caller, KeyRing, TokenMinter, TokenVerifier

RING = KeyRing.parse("k:" + "s" * 32)
ERRAND = Errand(Caller("backend", "user-1", "p"), "p", "saga-1", "00-trace")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Answering(BaseAdapter):
    """A transport without a network: one function makes every answer."""

    def __init__(self, answer: Callable[[requests.PreparedRequest], tuple[int, bytes, str]]) -> None:
        super().__init__()
        self.answer = answer
        self.seen: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        self.seen.append(request)
        response = requests.Response()
        response.status_code, body, etag = self.answer(request)
        response.raw = io.BytesIO(body)
        response.headers["ETag"] = f'"{etag}"'
        response.url = request.url or ""
        return response

    def close(self) -> None:
        pass


def reader(adapter: BaseAdapter, clock: Callable[[], float] = lambda: 0.0, parallel: int = 1) -> FileReader:
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", adapter)
    return FileReader("http://files", session, TokenMinter(RING, "git_server"), 1.0, 10.0, parallel, clock)


def serving(content: bytes, status: int = 200, etag: str | None = None) -> Answering:
    return Answering(lambda _: (status, content, sha(content) if etag is None else etag))


def test_each_file_is_asked_for_by_its_quoted_name() -> None:
    adapter = serving(b"x")
    assert reader(adapter).read(ERRAND, {"a b/ü%2e#?.md": sha(b"x")}) == {"a b/ü%2e#?.md": b"x"}
    assert adapter.seen[0].url == "http://files/file/p/a%20b/%C3%BC%252e%23%3F.md"


def test_it_comes_as_git_server_for_the_callers_user_and_project() -> None:
    adapter = serving(b"x")
    reader(adapter).read(ERRAND, {"a": sha(b"x")})
    headers = adapter.seen[0].headers
    who = TokenVerifier(RING, ["git_server"]).verify(headers["X-INTERNAL-TOKEN"])
    assert (who.issuer, who.user, who.project) == ("git_server", "user-1", "p")
    assert (headers["X-Saga-Id"], headers["traceparent"]) == ("saga-1", "00-trace")


def test_another_content_is_a_definite_refusal() -> None:
    with pytest.raises(HashMismatch) as refused:
        reader(serving(b"top-secret")).read(ERRAND, {"a": sha(b"x")})
    assert "top-secret" not in str(refused.value.body())


def test_content_that_its_own_server_did_not_send_is_no_refusal() -> None:
    with pytest.raises(FilesystemUnavailable):
        reader(serving(b"oth", etag=sha(b"x"))).read(ERRAND, {"a": sha(b"x")})


def test_a_missing_file_is_a_definite_refusal() -> None:
    with pytest.raises(FileMissing):
        reader(serving(b"", 404)).read(ERRAND, {"a": sha(b"")})


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 403, 409, 429, 500, 502, 503, 507])
def test_every_other_answer_is_unavailable(status: int) -> None:
    with pytest.raises(FilesystemUnavailable):
        reader(serving(b"x", status)).read(ERRAND, {"a": sha(b"x")})


@pytest.mark.parametrize(
    "error", [requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError]
)
def test_no_answer_is_unavailable(error: type[Exception]) -> None:
    def fail(_: requests.PreparedRequest) -> tuple[int, bytes, str]:
        raise error("secret detail")

    with pytest.raises(FilesystemUnavailable) as refused:
        reader(Answering(fail)).read(ERRAND, {"a": sha(b"x")})
    assert "secret" not in refused.value.detail


def test_reading_all_files_has_a_time_limit() -> None:
    ticks = iter(range(0, 1000, 4))
    adapter = serving(b"x")
    with pytest.raises(FilesystemUnavailable, match="longer than 10 s"):
        reader(adapter, lambda: float(next(ticks))).read(ERRAND, {name: sha(b"x") for name in "abcdefgh"})
    assert len(adapter.seen) < 4


def test_a_snapshot_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SNAPSHOT_BYTES", 10)
    with pytest.raises(TooLarge):
        reader(serving(b"sixsix")).read(ERRAND, {"a": sha(b"sixsix"), "b": sha(b"sixsix")})


def test_files_read_in_parallel_are_the_same_and_the_first_fault_in_order_is_told() -> None:
    contents = {f"f{i}": str(i).encode() for i in range(40)}
    adapter = Answering(lambda request: (200, contents[(request.path_url or "").rpartition("/")[2]], ""))
    wanted = {name: sha(content) for name, content in contents.items()}
    assert reader(adapter, parallel=4).read(ERRAND, wanted) == contents
    with pytest.raises(HashMismatch, match="f7"):
        reader(adapter, parallel=4).read(ERRAND, wanted | {"f7": "0" * 64, "f30": "0" * 64})
