"""A saga forces its log a constant number of times, however many files it saves (R13); counted at the system calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.forced_writes import NoCompiler, build_counter, forced_writes


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_counter(tmp_path_factory.mktemp("counter"))
    except NoCompiler as missing:
        pytest.skip(str(missing.__doc__))


def test_a_saga_forces_its_log_twice(counter, tmp_path):
    assert forced_writes(counter, tmp_path, 1) == 2  # the begin record and the commit record


@pytest.mark.parametrize("items", [45, 1000])
def test_the_number_does_not_grow_with_the_files(counter, tmp_path, items):
    assert forced_writes(counter, tmp_path, items) == 2
