"""Internal tokens of a simulated system: real ones, made once, so that their bytes never decide anything."""

from __future__ import annotations

import secrets
import time

from chaos.explorer.wire import TOKEN, Request
from service_kit import names
from service_kit.tokens import KeyRing, TokenMinter

_DAYS = 30 * 86_400


class Tokens:
    """Mints, and knows again what it minted.

    Args:
        keys: those of another process; by default new ones.
    """

    def __init__(self, keys: str | None = None) -> None:
        self.keys = keys or f"simulated:{secrets.token_hex(32)}"
        self._ring = KeyRing.parse(self.keys)
        self._words: dict[str, tuple[str, str, str]] = {}
        self._made: dict[tuple[str, str, str], str] = {}

    def headers(self, user: str, project: str) -> dict[str, str]:
        """The headers of a call on behalf of ``user`` in ``project`` (``*``: all)."""
        return {names.INTERNAL_TOKEN: self._token("good", user, project)}

    def expired(self, request: Request) -> Request:
        """The same request with the token as it will be when it has expired."""
        _, user, project = self._words.get(request.headers.get(TOKEN, ""), ("", "explorer", "*"))
        token = self._token("expired", user, project)
        return request.with_headers(**{TOKEN: token, "x_simulated_token": f"expired {user} {project}"})

    def word_of(self, request: Request) -> str:
        """What stands for the token where its bytes must not decide."""
        token = request.headers.get(TOKEN)
        if token is None:
            return "none"
        return " ".join(self._words.get(token, ("own",)))

    def _token(self, word: str, user: str, project: str) -> str:
        key = (word, user, project)
        if key not in self._made:
            clock = time.time if word == "good" else lambda: time.time() - 2 * _DAYS
            self._made[key] = TokenMinter(self._ring, "backend", lifetime=_DAYS, clock=clock).mint(user, project)
            self._words[self._made[key]] = key
        return self._made[key]
