"""Which processes a system has, where they listen, and with what they are started. Pure: starts and reads nothing.

        16001 ─▶ filesystem_server 6001 ◀─ 26001
backend 16002 ─▶ chroma_stub       6002        │
worker  16003 ─▶ git_server        6003 ───────┘
        17474 ─▶ neo4j_stub        7474
every arrow goes through the fault proxy, whose API listens on 8474; all ports shift by the port offset
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from chaos.running_system import SAGA_LOG_URL, WORKER, is_worker, sqlite_log_of

HOST = "127.0.0.1"
PORTS: Mapping[str, int] = MappingProxyType(
    {
        "backend": 8080,
        "git_server": 6003,
        "filesystem_server": 6001,
        "chroma_stub": 6002,
        "neo4j_stub": 7474,
        "fault_proxy": 8474,
    }
)
FAULT_PROXY = "fault_proxy"
# The slowest to start come first: two cores start them two at a time.
NAMES = ("backend", WORKER, "git_server", "chroma_stub", "neo4j_stub", "filesystem_server", FAULT_PROXY)
EXTERNAL = MappingProxyType({"chroma_stub": "CHROMA_URL", "neo4j_stub": "NEO4J_URL"})
BACKEND_THREADS = "32"  # every open console and every ?wait= holds one
MAX_OFFSET = 65535 - 26001


@dataclass(frozen=True)
class Link:
    """One link that the fault proxy can disturb.

    Attributes:
        listen: port on which callers reach the service.
        service: who answers.
        variable: what the caller's setting is called.
    """

    name: str
    listen: int
    service: str
    caller: str
    variable: str


LINKS = (
    Link("backend_filesystem", 16001, "filesystem_server", "backend", "FILESYSTEM_URL"),
    Link("backend_chroma", 16002, "chroma_stub", "backend", "CHROMA_URL"),
    Link("backend_git", 16003, "git_server", "backend", "GIT_URL"),
    Link("backend_neo4j", 17474, "neo4j_stub", "backend", "NEO4J_URL"),
    Link("git_filesystem", 26001, "filesystem_server", "git_server", "FILESYSTEM_URL"),
)

# Settings of the services that the caller's environment may give; everything else about a service is decided here.
PASSED_ON = frozenset(
    {
        *("CALL_TIMEOUT", "LEASE", "ON_MALFORMED", "ORCHESTRATOR", "SAGA_DEADLINE", "WORKER_THREADS"),
        *("MAX_WAITING", "MAX_WAITING_PER_PROJECT", "WORKER_GRACE"),
        *("CHROMA_TOKEN", "NEO4J_DATABASE", "NEO4J_PASSWORD", "NEO4J_USER", "TRANSACTION_IDLE_SECONDS"),
        *(
            "BARRIER_RETENTION",
            "FILESYSTEM_TIMEOUT",
            "LOCK_TIMEOUT",
            "PRUNE_GRACE",
            "READING_PARALLEL",
            "READING_TIMEOUT",
        ),
        *("BARRIER_KEEP_DAYS", "LOG_FORMAT", "LOG_LEVEL"),
    }
)
DECIDED_HERE = frozenset(
    {
        *("CHROMA_URL", "FILESYSTEM_URL", "GIT_URL", "NEO4J_URL", "DATA_DIR", "SAGA_LOG_URL"),
        *("INTERNAL_TOKEN_KEYS", "USER_TOKEN_KEYS", "WORKER_ALIVE_FILE"),
    }
)


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is started, again and again in the same way.

    Attributes:
        env: settings besides the secrets.
        secrets: names of the secrets that it gets.
        port: where it listens, or None.
        needs: what has to run before it can be ready.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    secrets: tuple[str, ...]
    port: int | None
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Layout:
    """One system.

    Attributes:
        state: absolute path of the state folder.
        proxy_kind: ``embedded``, ``toxiproxy`` or ``none``.
        proxy_program: the toxiproxy-server to start, or None.
        running_proxy: API of a Toxiproxy that runs already, or None.
        external: base URLs of real servers that take the place of a stub, by the stub's name.
        only: the processes to start; the fault proxy is always among them.
        passed_on: settings from the caller's environment.
        workers: how many worker processes share the work.
        saga_log_url: a PostgreSQL database, or None for a SQLite file. It may hold a password, and is a secret.
    """

    state: Path
    port_offset: int = 0
    proxy_kind: str = "embedded"
    proxy_program: str | None = None
    running_proxy: str | None = None
    external: Mapping[str, str] = field(default_factory=dict)
    only: Collection[str] = NAMES
    passed_on: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    saga_log_url: str | None = field(default=None, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The processes to start."""
        workers = (WORKER, *(f"{WORKER}-{number}" for number in range(2, self.workers + 1)))
        return tuple(
            process for name in NAMES if self._starts(name) for process in (workers if name == WORKER else (name,))
        )

    @property
    def proxy_url(self) -> str | None:
        """The fault proxy's API."""
        return None if self.proxy_kind == "none" else self.running_proxy or self.own_url(FAULT_PROXY)

    @property
    def proxy_config(self) -> Path:
        return self.state / "fault-proxy.json"

    @property
    def saga_log(self) -> Path:
        """The SQLite file, unless there is a ``saga_log_url``."""
        return sqlite_log_of(self.state)

    def port(self, name: str) -> int:
        return PORTS[name] + self.port_offset

    def own_url(self, name: str) -> str:
        """Where a service listens itself."""
        return self.external.get(name) or f"http://{HOST}:{self.port(name)}"

    def proxied_url(self, name: str) -> str | None:
        """Where the backend reaches it through the fault proxy, if it does."""
        link = next((link for link in LINKS if link.service == name and link.caller == "backend"), None)
        return None if link is None or self.proxy_kind == "none" else self._through(link)

    def links(self) -> dict[str, tuple[str, str]]:
        """Proxy name to (listen, upstream), as ``host:port``."""
        if self.proxy_kind == "none":
            return {}
        return {link.name: (f"{HOST}:{link.listen + self.port_offset}", self._upstream(link)) for link in LINKS}

    def ports(self) -> dict[int, str]:
        """Every port that the processes of this system will listen on, and for what."""
        wanted = {self.port(name): name for name in self.names if name in PORTS}
        if self.proxy_kind != "none" and self.running_proxy is None:
            wanted |= {link.listen + self.port_offset: f"the link {link.name}" for link in LINKS}
        return wanted

    def processes(self) -> list[ProcessSpec]:
        """How each process is started, the slowest first."""
        return [self._spec(name) for name in self.names]

    def _starts(self, name: str) -> bool:
        if name == FAULT_PROXY:
            return self.proxy_kind != "none" and self.running_proxy is None
        return name in self.only and name not in self.external

    def _spec(self, name: str) -> ProcessSpec:
        if name == FAULT_PROXY:
            return ProcessSpec(name, self._proxy_argv(), {}, (), self.port(name))
        if is_worker(name):
            command = (sys.executable, "-m", "backend.worker")
            return ProcessSpec(name, command, self._env("backend"), self._backend_secrets(), None)
        secrets = self._backend_secrets() if name == "backend" else _BOTH[:1]
        needs = frozenset({"filesystem_server"} if name == "git_server" else ())
        return ProcessSpec(name, self._gunicorn(name), self._env(name), secrets, self.port(name), needs)

    def _backend_secrets(self) -> tuple[str, ...]:
        return (*_BOTH, SAGA_LOG_URL) if self.saga_log_url else _BOTH

    def _gunicorn(self, name: str) -> tuple[str, ...]:
        app, bind = f"{name}.app:create_app()", f"{HOST}:{self.port(name)}"
        threads = ("--threads", BACKEND_THREADS) if name == "backend" else ()
        return (sys.executable, "-m", "gunicorn", app, "-c", "python:service_kit.gunicorn_conf", "-b", bind, *threads)

    def _proxy_argv(self) -> tuple[str, ...]:
        program = (self.proxy_program,) if self.proxy_program else (sys.executable, "-m", "chaos.fault_proxy")
        where = ("-host", HOST, "-port", str(self.port(FAULT_PROXY)))
        return (*program, *where, "-config", str(self.proxy_config), "-proxy-metrics")

    def _env(self, name: str) -> dict[str, str]:
        env = {link.variable: self._through(link) for link in LINKS if link.caller == name}
        if name == "backend":
            env |= {} if self.saga_log_url else {SAGA_LOG_URL: f"sqlite:///{self.saga_log}"}
        else:
            env["DATA_DIR"] = str(self.state / "data" / name)
        return {**self.passed_on, **env}

    def _through(self, link: Link) -> str:
        """The URL of a link's service as its caller should use it."""
        if self.proxy_kind == "none":
            return self.own_url(link.service)
        return f"http://{HOST}:{link.listen + self.port_offset}{urlsplit(self.own_url(link.service)).path.rstrip('/')}"

    def _upstream(self, link: Link) -> str:
        parts = urlsplit(self.own_url(link.service))
        return f"{parts.hostname}:{parts.port or 80}"


_BOTH = ("INTERNAL_TOKEN_KEYS", "USER_TOKEN_KEYS")
