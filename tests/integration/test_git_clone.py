"""Clone, fetch and (refused) push over HTTP, with a stock git client against a running git_server."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.git_support import (
    PROJECT,
    FakeFiles,
    Running,
    fake_filesystem,
    git,
    main_of,
    pages,
    sha,
    start,
    token,
)


@pytest.fixture(scope="module")
def files() -> Iterator[FakeFiles]:
    with fake_filesystem() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(files: FakeFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("git"), files.url)
    running.snapshot("s0", files.put(pages(45))).raise_for_status()
    running.confirm("s0").raise_for_status()
    yield running
    running.stop()


def client(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-c", "credential.helper=", "-C", str(folder), *args]
    env = {"HOME": str(folder), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def with_password(server: Running, project: str = PROJECT) -> str:
    return f"{server.url.replace('://', f'://anyone:{token(project)}@')}/git/{PROJECT}.git"


def with_header() -> list[str]:
    return ["-c", f"http.extraHeader=X-INTERNAL-TOKEN: {token()}"]


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_a_clone_has_exactly_the_files(server: Running, files: FakeFiles, tmp_path: Path, version: str) -> None:
    done = client(tmp_path, "-c", f"protocol.version={version}", "clone", with_password(server), "wiki")
    assert done.returncode == 0, done.stderr
    found = {str(path.relative_to(tmp_path / "wiki")): path.read_bytes() for path in (tmp_path / "wiki").rglob("*.md")}
    assert found == {name: content for (_, name), content in files.files.items()}
    assert git(tmp_path / "wiki", "rev-parse", "main") == main_of(server.data)


def test_the_header_opens_too_and_a_fetch_brings_what_is_new(server: Running, files: FakeFiles, tmp_path: Path) -> None:
    assert client(tmp_path, *with_header(), "clone", f"{server.url}/git/{PROJECT}.git", "wiki").returncode == 0
    server.snapshot("s1", files.put({"part-0/page-000.md": b"new\n"})).raise_for_status()
    server.confirm("s1")
    assert client(tmp_path / "wiki", *with_header(), "pull").returncode == 0
    assert git(tmp_path / "wiki", "rev-parse", "main") == main_of(server.data)


def test_a_shallow_clone_works(server: Running, tmp_path: Path) -> None:
    assert client(tmp_path, "clone", "--depth=1", with_password(server), "wiki").returncode == 0
    assert git(tmp_path / "wiki", "rev-list", "--count", "HEAD") == "1"


def test_an_undone_first_snapshot_leaves_an_empty_repository_that_can_be_cloned(
    server: Running, files: FakeFiles, tmp_path: Path
) -> None:
    server.snapshot("first", files.put({"a": b"a"}, "other"), "other").raise_for_status()
    server.undo("first", "other")
    url = with_password(server, "other").replace(PROJECT, "other")
    assert client(tmp_path, "clone", url, "wiki").returncode == 0


def test_a_push_is_refused_with_a_reason(server: Running, tmp_path: Path) -> None:
    client(tmp_path, "clone", with_password(server), "wiki")
    before = main_of(server.data)
    identity = ["-c", "user.name=n", "-c", "user.email=e@e"]
    client(tmp_path / "wiki", *identity, "commit", "--allow-empty", "-m", "mine")
    done = client(tmp_path / "wiki", "push")
    assert done.returncode != 0
    assert "pushing is refused" in done.stderr
    straight = server.call("POST", f"/git/{PROJECT}.git/git-receive-pack", data=b"0000")
    assert straight.status_code == 403
    assert main_of(server.data) == before


def test_nobody_clones_without_a_token_for_the_project(server: Running, tmp_path: Path) -> None:
    bare = server.call("GET", f"/git/{PROJECT}.git/info/refs?service=git-upload-pack", headers={"X-INTERNAL-TOKEN": ""})
    assert bare.status_code == 401
    assert bare.headers["WWW-Authenticate"].startswith("Basic")
    assert client(tmp_path, "clone", f"{server.url}/git/{PROJECT}.git", "a").returncode != 0
    assert client(tmp_path, "clone", with_password(server, "another"), "b").returncode != 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PROJECT}.git/info/refs", 400),
        (f"{PROJECT}.git/info/refs?service=git-upload-archive", 400),
        (f"{PROJECT}.git/HEAD", 404),
        (f"{PROJECT}.git/objects/info/packs", 404),
        ("..%2f..%2fetc.git/info/refs?service=git-upload-pack", 404),
        ("--help.git/info/refs?service=git-upload-pack", 404),
    ],
)
def test_only_the_smart_protocol_is_there(server: Running, path: str, status: int) -> None:
    assert server.call("GET", f"/git/{path}", "*").status_code == status


def test_a_compressed_ask_that_unpacks_without_end_is_refused(server: Running) -> None:
    bomb = gzip.compress(bytes(40 * 1024 * 1024))
    answer = server.call("POST", f"/git/{PROJECT}.git/git-upload-pack", data=bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["type"]) == (413, "too-large")
    torn = server.call("POST", f"/git/{PROJECT}.git/git-upload-pack", data=b"x", headers={"Content-Encoding": "gzip"})
    assert torn.status_code == 400


def test_a_client_that_goes_away_leaves_no_git_behind(server: Running, files: FakeFiles) -> None:
    files.put({"big.bin": b"".join(sha(str(i).encode()).encode() for i in range(60_000))}, "big")
    wanted = {"big.bin": sha(files.files["big", "big.bin"])}
    server.snapshot("s", wanted, "big").raise_for_status()
    want = f"0032want {main_of(server.data, 'big')}\n00000009done\n".encode()
    for _ in range(3):
        answer = server.call("POST", "/git/big.git/git-upload-pack", "big", data=want, stream=True)
        assert answer.status_code == 200
        answer.close()
    (worker,) = server.workers()
    for _ in range(500):
        children = Path(f"/proc/{worker}/task").glob("*/children")
        if not any(path.read_text().split() for path in children):
            return
        server.call("GET", "/healthz")
    raise AssertionError("git processes are left")
