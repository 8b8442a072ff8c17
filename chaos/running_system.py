"""A running system as `system.json` in its state folder describes it: who listens where, behind which proxy.

`testbed up` writes the file; the chaos experiments, the load tests and the commands read it. It holds no secret: those
are in `secrets.env` beside it, which only its owner can read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from service_kit.tokens import ANY_PROJECT, INTERNAL, USER, KeyRing, TokenMinter

SYSTEM_FILE = "system.json"
SECRETS_FILE = "secrets.env"
PROCESSES_FILE = "processes.json"
SAGA_LOG_URL = "SAGA_LOG_URL"
WORKER = "worker"
ISSUER = "testbed"
INTERNAL_LIFETIME = 300.0  # seconds
USER_LIFETIME = 24 * 3600.0


class NoSystem(Exception):
    """There is no system in this state folder; the message says how to start one."""


@dataclass(frozen=True)
class Service:
    """One process of the system.

    Attributes:
        url: where it listens itself, or None (the worker listens nowhere).
        proxied_url: where its callers reach it, through the fault proxy.
    """

    name: str
    pid: int
    url: str | None
    proxied_url: str | None


@dataclass(frozen=True)
class RunningSystem:
    """The addresses and folders of one system.

    Attributes:
        proxy_kind: ``embedded``, ``toxiproxy`` or ``none``.
        proxy_url: the fault proxy's API, or None.
        links: proxy name to (listen address, upstream address), for every link.
    """

    state: Path
    port_offset: int
    proxy_kind: str
    proxy_url: str | None
    services: Mapping[str, Service]
    links: Mapping[str, tuple[str, str]]

    @classmethod
    def load(cls, state: Path) -> RunningSystem:
        """Read the system of ``state``. Raises NoSystem."""
        try:
            raw = json.loads((state / SYSTEM_FILE).read_text())
        except FileNotFoundError:
            raise NoSystem(f"no system in {state}: start one with `testbed up --state {state}`") from None
        return cls(
            state=state,
            port_offset=raw["port_offset"],
            proxy_kind=raw["proxy_kind"],
            proxy_url=raw["proxy_url"],
            services={name: Service(**service) for name, service in raw["services"].items()},
            links={name: (link[0], link[1]) for name, link in raw["links"].items()},
        )

    def save(self) -> None:
        """Write the file in one step: a reader sees the old one or the new one."""
        body = asdict(self) | {"state": str(self.state)}
        draft = self.state / (SYSTEM_FILE + ".new")
        draft.write_text(json.dumps(body, indent=2))
        draft.replace(self.state / SYSTEM_FILE)

    def url(self, service: str) -> str:
        """Where ``service`` listens itself. Raises NoSystem when it does not run here."""
        found = self.services.get(service)
        if found is None or found.url is None:
            raise NoSystem(f"{service} is not a listening service of the system in {self.state}")
        return found.url

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def saga_log(self) -> Path | str:
        """The saga log's SQLite file, or the URL of its PostgreSQL database, with the password that it holds."""
        return saga_log_of(self.state)

    def workers(self) -> list[str]:
        """The names of the backend's workers."""
        return [name for name in self.services if is_worker(name)]

    def internal_token(self, project: str = ANY_PROJECT, user: str = ISSUER) -> str:
        """A fresh X-INTERNAL-TOKEN."""
        keys = self._keys("INTERNAL_TOKEN_KEYS")
        return TokenMinter(keys, ISSUER, INTERNAL, INTERNAL_LIFETIME).mint(user, project)

    def user_token(self, user: str, project: str = ANY_PROJECT) -> str:
        """A fresh bearer token for the backend."""
        return TokenMinter(self._keys("USER_TOKEN_KEYS"), ISSUER, USER, USER_LIFETIME).mint(user, project)

    def setting(self, name: str) -> str | None:
        """A setting that the backend was started with, such as the password of a real server."""
        rows = json.loads((self.state / PROCESSES_FILE).read_text())
        found: str | None = next((row["spec"]["env"][name] for row in rows if name in row["spec"]["env"]), None)
        return found

    def is_external(self, service: str) -> bool:
        """Whether a real server that somebody else started takes the place of ``service``."""
        return service in self.services and self.services[service].pid == 0

    def _keys(self, name: str) -> KeyRing:
        return KeyRing.parse(read_secrets(self.state)[name])


def read_secrets(state: Path) -> dict[str, str]:
    """What ``secrets.env`` holds, by name; nothing when there is none."""
    path = state / SECRETS_FILE
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def sqlite_log_of(state: Path) -> Path:
    """Where the saga log is unless it is in PostgreSQL."""
    return state / "data" / "backend" / "saga-log.sqlite3"


def saga_log_of(state: Path) -> Path | str:
    """The saga log of the system in ``state``, running or not: its SQLite file, or its PostgreSQL URL."""
    return read_secrets(state).get(SAGA_LOG_URL) or sqlite_log_of(state)


def is_worker(name: str) -> bool:
    """Whether a process of this name is one of the backend's workers: ``worker``, ``worker-2``, ..."""
    return name == WORKER or name.startswith(f"{WORKER}-")
