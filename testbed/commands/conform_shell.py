"""The user's own commands of `testbed conform`: one prints a token, one restarts the server."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chaos.conform.calls import Tokens
from chaos.conform.template import fill
from chaos.conform.wire import Request, send
from testbed.errors import CannotStart, Failure

FRESH = 60.0  # seconds that a token is used before another one is made
LIMIT = 60.0  # seconds that a command may take, and a restarted server until it answers


def tokens_of(command: str | None, state: Path) -> Tokens:
    """Tokens that ``command`` prints, each kept for FRESH seconds; without a command None: the headers say it."""
    if command is None:
        return lambda project: None
    kept: dict[str, tuple[float, str]] = {}

    def token(project: str) -> str:
        made, text = kept.get(project, (-FRESH, ""))
        if time.monotonic() - made >= FRESH:
            text = _output(command, project, state)
            kept[project] = (time.monotonic(), text)
        return text

    return token


def preflight(url: str, token: Callable[[], object]) -> None:
    """Raises CannotStart when nothing answers at ``url``, or no token can be had."""
    answer = send(Request("GET", url, {}, None), LIMIT)
    if answer.status is None:
        raise CannotStart([f"nothing answers at {url}: {answer.lost}"])
    token()


def restarter(command: str | None, url: str, state: Path) -> Callable[[], None] | None:
    """Runs ``command`` and returns when something at ``url`` answers again."""
    if command is None:
        return None

    def restart() -> None:
        _run(command, state, "--restart-command")
        deadline = time.monotonic() + LIMIT
        while send(Request("GET", url, {}, None), 1.0).status is None:
            if time.monotonic() > deadline:
                raise Failure(f"nothing answers at {url} {LIMIT:g} s after the restart")
            time.sleep(0.1)

    return restart


def _output(command: str, project: str, state: Path) -> str:
    text = _run(fill(command, {"project": shlex.quote(project)}), state, "--token-command").strip()
    if not text or "\n" in text:
        raise CannotStart(["the --token-command must print one line, the token"])
    return text


def _run(command: str, state: Path, option: str) -> str:
    """Its stdout. The commands of this environment are found by their names, and know the system of ``state``."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "TESTBED_STATE": str(state)}
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotStart([f"the {option} took longer than {LIMIT:g} s"]) from None
    if done.returncode:
        why = done.stderr.strip() or f"exit status {done.returncode}"
        raise CannotStart([f"the {option} failed: {why}"])
    return done.stdout
