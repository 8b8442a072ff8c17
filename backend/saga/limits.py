"""How long the words may be by which sagas are known: the same on every log, because PostgreSQL bounds its columns."""

from __future__ import annotations

import re

SAGA_ID = 300  # characters, all of these
STEP = 200
PROJECT_ID = USER_ID = REQUEST_KEY = 255
REASON_AT_LEAST, REASON = 3, 500
"""Of what an operator says, without the blanks around it."""
USER = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{USER_ID}}}")
"""Whom a token may stand for, in its whole length."""
USER_RULE = f"1 to {USER_ID} characters, none of them a control character"


def check(field: str, text: str, most: int, *, least: int = 0) -> None:
    """Raises ValueError, which names ``field``: no text, too short or long, or PostgreSQL could not keep it."""
    if not isinstance(text, str):
        raise ValueError(f"{field}: text is expected, not {type(text).__name__}")
    if len(text) < least:
        raise ValueError(f"{field}: it is empty")
    if len(text) > most:
        raise ValueError(f"{field}: {len(text)} characters are too many; the saga log has room for {most}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{field}: half a surrogate pair is no character")
    if "\0" in text:
        raise ValueError(f"{field}: a NUL character cannot be kept in every saga log")
