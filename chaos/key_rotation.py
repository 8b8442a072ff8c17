"""Rotating the keys that sign tokens, in the file that holds them: ``secrets.env``, or docker compose's ``.env``."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

SECRET_BYTES = 32


def new_key() -> str:
    """``id:secret``, with an id that no key had before."""
    return f"k{time.time_ns()}:{secrets.token_urlsafe(SECRET_BYTES)}"


def rotate(path: Path) -> list[str]:
    """Put a new key in front of each ``..._TOKEN_KEYS``, in one step; two are valid at once, so older ones go.

    Returns:
        The names of what was rotated.
    """
    rows = [line.partition("=") for line in path.read_text().splitlines()]
    names = [name for name, equals, _ in rows if equals and name.endswith("_TOKEN_KEYS")]
    lines = [
        f"{name}={new_key()},{value.split(',')[0]}" if name in names else name + equals + value
        for name, equals, value in rows
    ]
    draft = path.with_name(path.name + ".rotated")
    draft.touch(mode=0o600)
    draft.write_text("\n".join(lines) + "\n")
    draft.replace(path)
    return names
