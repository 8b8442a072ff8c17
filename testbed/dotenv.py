"""The ``.env`` of docker compose: the secrets, the profile that `docker compose up` starts, and the ports. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType

from chaos.key_rotation import new_key
from testbed.layout import LINKS, PORTS

PROFILES = ("default", "real", "postgres", "load")
HEADER = "# Secrets of this system: keep them to yourself. `testbed env --rotate` renews the keys that sign tokens.\n"
KEYS = ("INTERNAL_TOKEN_KEYS", "USER_TOKEN_KEYS")
PASSWORDS = ("NEO4J_PASSWORD", "POSTGRES_PASSWORD")
PROFILE = "COMPOSE_PROFILES"
LOCUST = 8089
VARIABLES: Mapping[str, int] = MappingProxyType(
    {
        **{f"{name.removesuffix('_server').removesuffix('_stub').upper()}_PORT": port for name, port in PORTS.items()},
        **{f"{link.name.upper()}_PORT": link.listen for link in LINKS},
        "LOCUST_PORT": LOCUST,
    }
)
"""The variable of every published port, and the port."""


def parse(text: str) -> dict[str, str]:
    """The values by name; comments and blank lines are left out."""
    rows = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name.strip(): value for name, _, value in rows}


def missing(found: Mapping[str, str]) -> dict[str, str]:
    """What a complete ``.env`` has and ``found`` has not, freshly made."""
    made = {PROFILE: PROFILES[0]} | {name: new_key() for name in KEYS}
    made |= {name: secrets.token_urlsafe(24) for name in PASSWORDS}
    return {name: value for name, value in made.items() if not found.get(name)}


def ports(offset: int) -> dict[str, str]:
    """The published ports, all shifted together."""
    shifted = {name: str(port + offset) for name, port in VARIABLES.items()}
    first = PORTS["backend"] + offset
    return shifted | {"BACKEND_PORTS": f"{first}-{first + 1}"}


def render(values: Mapping[str, str]) -> str:
    """The file's text."""
    return HEADER + "".join(f"{name}={value}\n" for name, value in values.items())
