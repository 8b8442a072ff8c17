"""The backend's settings, read once from the environment; the web process and the worker share them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.queue_limits import QueueLimits
from backend.saga_log import check_url
from service_kit.tokens import USER, KeyRing, TokenMinter, TokenVerifier

ISSUER = "backend"


class Settings(BaseSettings):
    """What the backend needs to know.

    Attributes:
        internal_token_keys, user_token_keys: ``id:secret[,id:secret]``, newest first, 32 bytes or more each.
        saga_log_url: ``sqlite:///path``, or ``postgresql://user@host/database`` for workers on several machines.
        call_timeout: seconds to wait for a participant's answer.
        saga_deadline: seconds from the request after which a saga makes no forward attempt any more.
        lease: seconds for which a worker holds a saga without a sign of life.
        worker_threads: sagas that one worker drives at the same time.
        worker_grace: seconds that running sagas get to finish when the worker is to stop; then they are handed over.
        worker_alive_file: touched by the worker in every round, for a healthcheck; the worker listens nowhere.
        max_waiting_per_project, max_waiting: generations that may wait for their turn; more are answered 429.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    internal_token_keys: SecretStr
    user_token_keys: SecretStr
    saga_log_url: str
    filesystem_url: str
    git_url: str
    chroma_url: str
    neo4j_url: str
    neo4j_database: str = "neo4j"
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr | None = None
    chroma_token: SecretStr | None = None
    call_timeout: float = Field(default=30.0, gt=0)
    saga_deadline: float = Field(default=120.0, gt=0)
    lease: float = Field(default=5.0, gt=0)
    worker_threads: int = Field(default=4, ge=1, le=64)
    worker_grace: float = Field(default=8.0, ge=0)
    worker_alive_file: Path | None = None
    max_waiting_per_project: int = Field(default=20, ge=1)
    max_waiting: int = Field(default=1000, ge=1)
    orchestrator: str = "builtin"
    on_malformed: Literal["skip", "fail"] = "skip"

    @field_validator("internal_token_keys", "user_token_keys")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        KeyRing.parse(value.get_secret_value())
        return value

    @field_validator("saga_log_url")
    @classmethod
    def _names_a_log(cls, value: str) -> str:
        check_url(value)
        return value

    def queue_limits(self) -> QueueLimits:
        """How many generations may wait."""
        return QueueLimits(self.max_waiting_per_project, self.max_waiting)

    def internal_minter(self) -> TokenMinter:
        """Mints the tokens that the backend sends to the participants."""
        return TokenMinter(KeyRing.parse(self.internal_token_keys.get_secret_value()), ISSUER)

    def user_verifier(self) -> TokenVerifier:
        """Checks the bearer tokens of users."""
        return TokenVerifier(KeyRing.parse(self.user_token_keys.get_secret_value()), ("testbed",), USER)
