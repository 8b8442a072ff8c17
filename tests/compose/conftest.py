"""The images are the same for all projects under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compose.images import Images


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """Each is built once; none of them is left."""
    found = Images(tmp_path_factory.mktemp("images"))
    try:
        yield found
    finally:
        found.remove()
