"""Fixtures that several integration modules share."""

from tests.integration.backend_fixtures import backend, fresh, full

__all__ = ["backend", "fresh", "full"]
