"""When the tests with containers run: only if asked for, and only where there is an engine."""

from __future__ import annotations

import os
import subprocess

import pytest


def why_not() -> str:
    """Why these tests cannot run, or ""."""
    if os.environ.get("COMPOSE_TEST") != "1":
        return "make compose-test runs it"
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no docker: {error}"
    return "" if done.returncode == 0 else f"no engine that docker finds: {done.stderr.strip()[-200:]}"


MARKS = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.xdist_group("compose"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]
