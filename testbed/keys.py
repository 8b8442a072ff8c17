"""``secrets.env``: the keys that sign tokens, made once and kept over restarts."""

from __future__ import annotations

import secrets
from pathlib import Path

from chaos.running_system import SECRETS_FILE
from testbed.private import write_private

NAMES = ("INTERNAL_TOKEN_KEYS", "USER_TOKEN_KEYS")
_SECRET_BYTES = 32


def read_or_make(state: Path) -> dict[str, str]:
    """The secrets by name; what is missing is made. Only the owner can read the file."""
    path = state / SECRETS_FILE
    found = _read(path) if path.exists() else {}
    missing = {name: f"k1:{secrets.token_urlsafe(_SECRET_BYTES)}" for name in NAMES if name not in found}
    if missing:
        _write(path, found | missing)
    return found | missing


def _read(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def _write(path: Path, values: dict[str, str]) -> None:
    body = "# Signing keys, newest first: id:secret[,id:secret]. To rotate, put a new one in front and restart.\n"
    body += "".join(f"{name}={value}\n" for name, value in values.items())
    write_private(path, body)
