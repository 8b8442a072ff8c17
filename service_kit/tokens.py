"""Short-lived signed tokens (DESIGN section 5): HS256 JWT; keys have ids, two are valid while one is rotated out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jwt

ALGORITHM = "HS256"
INTERNAL = "internal"  # audience of X-INTERNAL-TOKEN
USER = "user"  # audience of a user's bearer token
MINIMUM_SECRET_BYTES = 32
LEEWAY_SECONDS = 5.0
ANY_PROJECT = "*"


class WeakSecret(ValueError):
    """The configured keys cannot protect anything; the message says what to do and never shows a secret."""


class TokenRefused(Exception):
    """The token is missing, expired, badly signed, or of an issuer that is not trusted here."""


@dataclass(frozen=True)
class KeyRing:
    """The secrets that sign and verify, by key id. The first signs; all verify."""

    keys: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read ``id:secret[,id:secret]`` (newest first).

        Raises:
            WeakSecret: no key, a key without an id, an id twice, or a secret shorter than 32 bytes. The message counts
                the keys and repeats nothing of them: who mixes up the order has written the secret where the id goes.
        """
        keys: dict[str, str] = {}
        for number, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
            key_id, colon, secret = entry.partition(":")
            if not colon or not key_id:
                raise WeakSecret("each key must be written as id:secret")
            if len(secret.encode()) < MINIMUM_SECRET_BYTES:
                raise WeakSecret(f"the secret of key number {number} is shorter than {MINIMUM_SECRET_BYTES} bytes")
            if key_id in keys:
                raise WeakSecret(f"key number {number} has the id of an earlier one")
            keys[key_id] = secret
        if not keys:
            raise WeakSecret("no signing key is configured")
        return cls(keys)

    @property
    def signing(self) -> tuple[str, str]:
        """The (id, secret) that signs new tokens."""
        return next(iter(self.keys.items()))

    def __repr__(self) -> str:
        return f"KeyRing(ids={list(self.keys)})"


@dataclass(frozen=True)
class Caller:
    """Who calls: the issuing service, the user it acts for, and the one project that it may touch."""

    issuer: str
    user: str
    project: str

    def covers(self, project: str) -> bool:
        """Whether the token may touch ``project``."""
        return self.project in (project, ANY_PROJECT)


@dataclass(frozen=True)
class TokenMinter:
    """Mints tokens for one issuer and audience.

    Attributes:
        lifetime: seconds until a token expires.
        clock: wall-clock seconds.
    """

    keys: KeyRing
    issuer: str
    audience: str = INTERNAL
    lifetime: float = 60.0
    clock: Callable[[], float] = time.time

    def mint(self, user: str, project: str) -> str:
        """A fresh token for ``user`` and ``project``."""
        key_id, secret = self.keys.signing
        now = self.clock()
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user,
            "project": project,
            "iat": int(now),
            "exp": int(now + self.lifetime),
        }
        return jwt.encode(claims, secret, algorithm=ALGORITHM, headers={"kid": key_id})


@dataclass(frozen=True)
class TokenVerifier:
    """Checks signature (in constant time, by PyJWT), expiry, audience and issuer."""

    keys: KeyRing
    issuers: Sequence[str]
    audience: str = INTERNAL

    def verify(self, token: str) -> Caller:
        """The caller that ``token`` stands for.

        Raises:
            TokenRefused: for every reason alike, so that an attacker learns nothing from the difference.
        """
        try:
            secret = self.keys.keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                secret,
                algorithms=[ALGORITHM],
                audience=self.audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            caller = Caller(claims["iss"], claims["sub"], str(claims["project"]))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise TokenRefused("the token is missing, expired or not valid") from error
        if caller.issuer not in self.issuers:
            raise TokenRefused("the token is missing, expired or not valid")
        return caller
