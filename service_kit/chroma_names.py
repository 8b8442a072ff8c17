"""Project names as Chroma collection names: reversible, and unchanged where Chroma takes the name as it is.

Chroma takes 3 to 512 characters of ``[a-zA-Z0-9._-]`` that start and end with a letter or digit, without two periods in
a row, and no IP address. Any other name becomes ``x--`` and its UTF-8 bytes, all but letters, digits and hyphens
written ``_hh``: ``org/repo`` is ``x--org_2frepo``.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address

ACCEPTED = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]")
_PREFIX = "x--"
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_ESCAPE = re.compile(rb"_([0-9a-f]{2})")


def collection_name(project_id: str) -> str:
    """The name of the collection that holds the project's documents.

    Raises:
        ValueError: the name is empty, or too long once it is encoded.
    """
    if ACCEPTED.fullmatch(project_id) and not _special(project_id):
        return project_id
    *head, last = project_id.encode() or [None]
    if last is None:
        raise ValueError("the project name is empty")
    end = chr(last) if chr(last).isascii() and chr(last).isalnum() else f"_{last:02x}"
    name = _PREFIX + "".join(chr(byte) if byte in _SAFE else f"_{byte:02x}" for byte in head) + end
    if not ACCEPTED.fullmatch(name):
        raise ValueError("the project name is too long for a Chroma collection")
    return name


def is_ip_address(name: str) -> bool:
    """Whether Chroma would take ``name`` for an IP address."""
    try:
        IPv4Address(name)
    except ValueError:
        return False
    return True


def _special(name: str) -> bool:
    return name.startswith(_PREFIX) or ".." in name or is_ip_address(name)


def project_of(name: str) -> str:
    """The project whose collection is called ``name``; the inverse of :func:`collection_name`."""
    if not name.startswith(_PREFIX):
        return name
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), name.removeprefix(_PREFIX).encode())
    return raw.decode(errors="replace")
