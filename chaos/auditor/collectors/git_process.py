"""The git binary, cut off from every configuration, and one ``cat-file --batch`` that stays open."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

TIMEOUT = 120.0  # seconds for one command
_ASK = 400  # object ids per write: 400 x 65 bytes fit into a pipe, so neither side ever waits for the other
MISSING = "missing"


class GitTrouble(Exception):
    """git could not do what was asked; the message is its last complaint."""


def environment() -> dict[str, str]:
    """No user's, machine's or caller's settings, no replacements, no locks, nothing fetched."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def run(repository: Path, *args: str) -> tuple[int, str, str]:
    """One command: exit status, what it printed, what it complained.

    Raises:
        GitTrouble: there is no git, or it did not end in time.
    """
    command = ["git", f"--git-dir={repository}", *args]
    try:
        done = subprocess.run(command, capture_output=True, env=environment(), timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitTrouble(f"git {args[0]}: {error}") from error
    return done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="replace")


class ObjectReader:
    """Reads objects of one repository through one process.

    Raises:
        GitTrouble: git cannot be started.
    """

    def __init__(self, repository: Path) -> None:
        command = ["git", f"--git-dir={repository}", "cat-file", "--batch"]
        try:
            self._git = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
            )
        except OSError as error:
            raise GitTrouble(f"git cat-file: {error}") from error

    def __enter__(self) -> ObjectReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._git.kill()
        for pipe in (self._git.stdin, self._git.stdout):
            if pipe is not None:
                pipe.close()
        self._git.wait()

    def read(self, ids: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
        """Id, type and content of each object, in order; the type of one that is not there is ``missing``."""
        for start in range(0, len(ids), _ASK):
            asked = ids[start : start + _ASK]
            self._ask(asked)
            for oid in asked:
                kind, content = self._answer()
                yield oid, kind, content

    def _ask(self, ids: Sequence[str]) -> None:
        stdin = self._git.stdin
        if stdin is None:
            raise GitTrouble("git cat-file has no input")
        try:
            stdin.write("".join(f"{oid}\n" for oid in ids).encode())
            stdin.flush()
        except OSError as error:
            raise GitTrouble(f"git cat-file ended: {error}") from error

    def _answer(self) -> tuple[str, bytes]:
        stdout: IO[bytes] | None = self._git.stdout
        head = stdout.readline().split() if stdout is not None else []
        if stdout is None or len(head) < 2:
            raise GitTrouble("git cat-file ended in the middle")
        if len(head) == 2:
            return MISSING, b""
        size = int(head[2])
        content = stdout.read(size + 1)[:-1]
        if len(content) != size:
            raise GitTrouble("git cat-file ended in the middle of an object")
        return head[1].decode(), content
