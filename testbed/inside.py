"""The state folder of a system as a container of docker compose sees it; then the command that was asked for.

    python -m testbed.inside COMMAND [ARGUMENT ...]

The disks are mounted below ``data/`` already; who listens where follows from docker-compose.yml, and the secrets are
in the environment. ``TESTBED_REAL`` names the stubs whose place a real server takes, ``TESTBED_LOG=postgres`` says
where the saga log is, and with ``TESTBED_JOURNAL=stdin`` the standard input is what clients were told.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from chaos.compose_project import TOLD
from chaos.running_system import PROCESSES_FILE, SECRETS_FILE, RunningSystem, Service
from testbed.layout import LINKS, PORTS
from testbed.private import write_private

HOSTS = {"chroma_stub": "documents", "neo4j_stub": "graph", "fault_proxy": "toxiproxy"}
"""Where the name in the network is another one than the service's."""
_SECRETS = ("INTERNAL_TOKEN_KEYS", "USER_TOKEN_KEYS", "SAGA_LOG_URL")
_PROXY = "toxiproxy"


def describe(state: Path, env: Mapping[str, str]) -> RunningSystem:
    """The system as its network names it. A real server that takes a stub's place has pid 0, any other 1."""
    real = frozenset(env.get("TESTBED_REAL", "").split(","))
    proxied = {link.service: f"http://{_PROXY}:{link.listen}" for link in LINKS if link.caller == "backend"}
    services = {
        name: Service(name, 0 if name in real else 1, f"http://{address(name)}", proxied.get(name)) for name in PORTS
    }
    services["worker"] = Service("worker", 1, None, None)
    return RunningSystem(
        state=state,
        port_offset=0,
        proxy_kind="toxiproxy",
        proxy_url=services["fault_proxy"].url,
        services=services,
        links={link.name: (f"{_PROXY}:{link.listen}", address(link.service)) for link in LINKS},
    )


def address(service: str) -> str:
    """Host and port of a service in the network of docker-compose.yml."""
    return f"{HOSTS.get(service, service)}:{PORTS[service]}"


def prepare(state: Path, env: Mapping[str, str]) -> None:
    """Write the files that `testbed up` would have written."""
    describe(state, env).save()
    names = _SECRETS if env.get("TESTBED_LOG") == "postgres" else _SECRETS[:2]
    write_private(state / SECRETS_FILE, "".join(f"{name}={env[name]}\n" for name in names))
    settings = {name: env[name] for name in ("NEO4J_PASSWORD",) if name in env}
    write_private(state / PROCESSES_FILE, json.dumps([{"spec": {"env": settings}}]))
    if env.get("TESTBED_JOURNAL") == "stdin":
        (state / TOLD).write_text(sys.stdin.read())


if __name__ == "__main__":
    prepare(Path(os.environ["TESTBED_STATE"]), os.environ)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
