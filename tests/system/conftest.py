"""A whole system of real processes, on ports and in a folder of its own; started once for all tests that use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.running_system import RunningSystem
from tests.system.support import running


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A running system. Tests leave it as they found it: every process ready, every link healed."""
    with running(tmp_path_factory.mktemp("system")) as found:
        yield found
