"""The example in docs/explorer-own-saga.md runs, and finds what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explorer-own-saga.md"
FILES = ("rooms.py", "trip.py", "test_trip.py")
"""What the page calls its Python, in its order."""
BARRIER = '        if rooms.get(saga_id) != "cancelled":  # the barrier (R6)\n            rooms[saga_id] = state\n'


@pytest.fixture
def example(tmp_path: Path) -> Path:
    for name, code in blocks().items():
        (tmp_path / name).write_text(code)
    return tmp_path


def blocks() -> dict[str, str]:
    page = PAGE.read_text()
    assert all(f"`{name}`" in page for name in FILES)
    return dict(zip(FILES, re.findall(r"```python\n(.*?)```", page, re.DOTALL), strict=True))


def explore(folder: Path, faults: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "testbed", "explore", "--saga", "trip:booking", "--faults", str(faults)]
    command += ["--processes", "1"]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=100)


def test_the_example_is_right(example: Path) -> None:
    found = explore(example, 1)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "valid" in found.stdout


def take_the_barrier_away(example: Path) -> None:
    participant = (example / "rooms.py").read_text()
    assert BARRIER in participant
    (example / "rooms.py").write_text(participant.replace(BARRIER, "        rooms[saga_id] = state\n"))


def test_without_its_barrier_the_compensation_is_overtaken(example: Path) -> None:
    take_the_barrier_away(example)
    found = explore(example, 1)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "compensation overtaken by its action" in found.stdout
    assert list((example / "exploration").glob("*.json"))


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_trip.py"]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=100)


def test_the_test_of_the_example_passes_and_fails_without_the_barrier(example: Path) -> None:
    right = run_pytest(example)
    assert (right.returncode, "1 passed" in right.stdout) == (0, True), right.stdout + right.stderr
    take_the_barrier_away(example)
    wrong = run_pytest(example)
    assert (wrong.returncode, "1 failed" in wrong.stdout) == (1, True), wrong.stdout + wrong.stderr
    assert "compensation overtaken by its action" in wrong.stdout


def test_the_saga_of_the_example_is_short() -> None:
    assert len([line for line in blocks()["trip.py"].splitlines() if line.strip()]) <= 25
