"""The three guides: their shell and Python blocks run, in order, as a reader would run them, on a system of their own.

Only the ports are others than the guide says, so that several systems can run side by side.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.running_system import read_secrets
from testbed.layout import Layout
from tests.system.support import environment, free_offset

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = (
    "SAGA_PATTERN_INTEGRATION.md",
    "SAGA_PATTERN_QUICK_REFERENCE.md",
    "DISTRIBUTED_TRANSACTION_IMPLEMENTATION.md",
)
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PORT = re.compile(r"(?<=127\.0\.0\.1:)(\d+)")
LONGEST = 400  # seconds that one block may take
LONGEST_GUIDE = 130  # lines; they are to stay short

pytestmark = pytest.mark.timeout(900)


def blocks(guide: str) -> list[tuple[str, str]]:
    """Language and text of every block that is to be run."""
    return BLOCK.findall((DOCS / guide).read_text())


@dataclass(frozen=True)
class Reader:
    """Somebody who follows a guide in a folder of their own."""

    folder: Path
    offset: int

    def follow(self, language: str, text: str) -> subprocess.CompletedProcess[str]:
        """Run one block."""
        text = PORT.sub(lambda port: str(int(port[0]) + self.offset), text)
        if language == "sh":
            text = text.replace(
                "testbed up --detach", f"testbed up --detach --proxy embedded --port-offset {self.offset}"
            )
            command = ["bash", "-euo", "pipefail", "-c", text]
        else:
            command = [sys.executable, "-W", "error", "-c", text]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        """The program is on PATH, and the keys are where the guide says."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return environment(PATH=path, **read_secrets(self.folder / ".testbed"))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path, free_offset())
    yield found
    found.follow("sh", "testbed down")


@pytest.mark.parametrize("guide", [GUIDES[0], *(pytest.param(guide, marks=pytest.mark.slow) for guide in GUIDES[1:])])
def test_every_block_of_the_guide_runs(guide: str, reader: Reader):
    for number, (language, text) in enumerate(blocks(guide), 1):
        done = reader.follow(language, text)
        assert done.returncode == 0, f"block {number} of {guide}:\n{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert not (reader.folder / ".testbed" / "system.json").exists(), f"{guide} leaves a system running"


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_is_short_and_has_something_to_run(guide: str):
    assert {language for language, _ in blocks(guide)} & {"sh"}
    assert len((DOCS / guide).read_text().splitlines()) <= LONGEST_GUIDE


@pytest.mark.parametrize("guide", GUIDES)
def test_every_port_that_the_guide_names_is_one_of_a_system(guide: str):
    named = {int(port) for _, text in blocks(guide) for port in PORT.findall(text)}
    assert named <= Layout(Path("/")).ports().keys()
