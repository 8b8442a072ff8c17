"""Internal tokens of a simulated system: real ones, made once, so that their bytes never decide anything."""

from __future__ import annotations

import secrets
import time

import jwt

from chaos.explorer.wire import TOKEN, Request
from service_kit import names
from service_kit.tokens import KeyRing, TokenMinter, TokenRefused, TokenVerifier

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
        self._lasting: dict[str, str] = {}

    def headers(self, user: str, project: str) -> dict[str, str]:
        """The headers of a call on behalf of ``user`` in ``project`` (``*``: all)."""
        return {names.INTERNAL_TOKEN: self._token("good", user, project)}

    def lasting(self, request: Request) -> Request:
        """The same request; a good token that its sender minted itself is exchanged for one that says the same.

        It would be too old a minute later, when the request is remembered and sent to somebody who never saw it.
        """
        token = request.headers.get(TOKEN)
        if token is None or token in self._words:
            return request
        if token not in self._lasting:
            self._lasting[token] = self._exchanged(token)
        return request.with_headers(**{TOKEN: self._lasting[token]})

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

    def _exchanged(self, token: str) -> str:
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False})["iss"])
            caller = TokenVerifier(self._ring, (issuer,)).verify(token)
        except (jwt.PyJWTError, KeyError, TokenRefused):
            return token  # nobody shall take it, now or later
        return self._token(f"own, of {issuer}", caller.user, caller.project, issuer)

    def _token(self, word: str, user: str, project: str, issuer: str = "backend") -> str:
        key = (word, user, project)
        if key not in self._made:
            clock = (lambda: time.time() - 2 * _DAYS) if word == "expired" else time.time
            self._made[key] = TokenMinter(self._ring, issuer, lifetime=_DAYS, clock=clock).mint(user, project)
            self._words[self._made[key]] = key
        return self._made[key]
