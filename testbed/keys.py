"""``secrets.env``: the keys that sign tokens, made once and kept over restarts; and where the saga log is."""

from __future__ import annotations

from pathlib import Path

from chaos.key_rotation import new_key
from chaos.running_system import SAGA_LOG_URL, SECRETS_FILE, read_secrets
from testbed.private import write_private

NAMES = ("INTERNAL_TOKEN_KEYS", "USER_TOKEN_KEYS")


def read_or_make(state: Path) -> dict[str, str]:
    """The secrets by name; what is missing is made. Only the owner can read the file."""
    found = read_secrets(state)
    missing = {name: new_key() for name in NAMES if name not in found}
    if missing:
        _write(state / SECRETS_FILE, found | missing)
    return found | missing


def remember_saga_log(state: Path, url: str) -> None:
    """Keep the URL of the PostgreSQL database that the sagas of this state folder are in; it may hold a password."""
    found = read_or_make(state)
    if found.get(SAGA_LOG_URL) != url:
        _write(state / SECRETS_FILE, found | {SAGA_LOG_URL: url})


def _write(path: Path, values: dict[str, str]) -> None:
    body = "# Signing keys, newest first: id:secret[,id:secret]. To rotate, put a new one in front and restart.\n"
    body += "".join(f"{name}={value}\n" for name, value in values.items())
    write_private(path, body)
