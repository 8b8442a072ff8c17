"""What an answer asks of a user. Does not import Locust, which replaces the standard library's sockets."""

from __future__ import annotations

from collections.abc import Mapping


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After asks for, or None when there is none that makes sense (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdecimal() else None
