"""The example in docs/explorer-own-saga.md runs, and finds what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explorer-own-saga.md"
BARRIER = '        if rooms.get(saga_id) != "cancelled":  # the barrier (R6)\n            rooms[saga_id] = state\n'


@pytest.fixture
def example(tmp_path: Path) -> Path:
    participant, saga = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "rooms.py").write_text(participant)
    (tmp_path / "trip.py").write_text(saga)
    return tmp_path


def explore(folder: Path, faults: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "testbed", "explore", "--saga", "trip:booking", "--faults", str(faults)]
    command += ["--processes", "1"]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=100)


def test_the_example_is_right(example: Path) -> None:
    found = explore(example, 1)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "valid" in found.stdout


def test_without_its_barrier_the_compensation_is_overtaken(example: Path) -> None:
    participant = (example / "rooms.py").read_text()
    assert BARRIER in participant
    (example / "rooms.py").write_text(participant.replace(BARRIER, "        rooms[saga_id] = state\n"))
    found = explore(example, 1)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "compensation overtaken by its action" in found.stdout
    assert list((example / "exploration").glob("*.json"))


def test_the_saga_of_the_example_is_short() -> None:
    _, saga = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len([line for line in saga.splitlines() if line.strip()]) <= 25
