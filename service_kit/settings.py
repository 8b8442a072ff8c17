"""One frozen settings record per service, read once from the environment; what is missing is named at start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.tokens import KeyRing, TokenMinter, TokenVerifier

TRUSTED_ISSUERS = ("backend", "git_server", "testbed")


class CannotStart(SystemExit):
    """The process ends with the message on stderr, and with the status on which gunicorn's master ends, too.

    After any other status the master would start the worker again, for ever.
    """

    STATUS = 3  # gunicorn.arbiter.Arbiter.WORKER_BOOT_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = self.STATUS
        print(message, file=sys.stderr, flush=True)


class SettingsError(CannotStart):
    """A setting is missing or wrong; the message names each such variable, and shows no value."""


class ServiceSettings(BaseSettings):
    """What every service needs.

    Attributes:
        internal_token_keys: ``id:secret[,id:secret]``, newest first, each secret of 32 bytes or more.
        data_dir: the folder that holds the service's data; made when absent.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    internal_token_keys: SecretStr
    data_dir: Path

    @field_validator("internal_token_keys")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        KeyRing.parse(value.get_secret_value())
        return value

    def verifier(self) -> TokenVerifier:
        """Checks the internal tokens that this service receives."""
        return TokenVerifier(KeyRing.parse(self.internal_token_keys.get_secret_value()), TRUSTED_ISSUERS)

    def minter(self, issuer: str) -> TokenMinter:
        """Mints the internal tokens that this service sends."""
        return TokenMinter(KeyRing.parse(self.internal_token_keys.get_secret_value()), issuer)


S = TypeVar("S", bound=BaseSettings)


def load_settings(kind: type[S], service: str) -> S:
    """Read ``kind`` from the environment.

    Raises:
        SettingsError: names every variable that is missing or wrong.
    """
    try:
        return kind()
    except ValidationError as error:
        rows = "; ".join(f"{str(row['loc'][0]).upper()}: {row['msg']}" for row in error.errors(include_input=False))
        raise SettingsError(f"{service} cannot start: {rows}") from None
