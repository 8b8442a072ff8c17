"""Documents are held to the code: tests they name exist, links resolve, examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
NAMED_TEST = re.compile(r"`(tests/[\w/*]+\.py)(?:::(\w+))?`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_every_test_that_a_document_names_exists(document):
    for file, test in NAMED_TEST.findall(document.read_text()):
        found = list(ROOT.glob(file))
        assert found, f"{file} is named and does not exist"
        if test:
            assert f"def {test}(" in found[0].read_text(), f"{file}::{test} is named and does not exist"


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_every_link_within_the_project_resolves(document):
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), f"{target} is linked and does not exist"


def test_the_saga_of_ones_own_in_the_readme_prints_what_it_says(tmp_path):
    text = (ROOT / "README.md").read_text()
    example = PYTHON.findall(text)[0]
    printed = re.search(r"It prints `(.*)`\.", text)
    assert printed
    command = [sys.executable, "-c", example]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == printed[1], done.stderr
