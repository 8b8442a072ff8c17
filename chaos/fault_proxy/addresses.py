"""`host:port` texts: parsing, resolving and listening, with the error texts of Go's net package."""

import asyncio
import errno
import ipaddress
import os
import socket

from .errors import AddressFault

BACKLOG = 4096


def split(address: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[v6]:port` or `:port`; the empty text is (all interfaces, any port).

    Raises AddressFault.
    """
    if not address:
        return "", 0
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        raise AddressFault(f"address {address}: missing port in address")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressFault(f"address {address}: too many colons in address")
    return host, _port(port)


def _port(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise AddressFault(f"lookup tcp/{text}: unknown port")
    if int(text[:6]) > 65535:
        raise AddressFault(f"address {text}: invalid port")
    return int(text)


def join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def resolve(address: str) -> tuple[str, int]:
    """An IP address and port to listen on; IPv4 is preferred, all interfaces are `::`. Raises AddressFault."""
    host, port = split(address)
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - the user asked for all interfaces
        return ("::" if _has_ipv6() else "0.0.0.0"), port  # noqa: S104
    try:
        return str(ipaddress.ip_address(host)), port
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressFault(f"lookup {host}: no such host") from None
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return str(found[0][4][0]), port


async def same(one: str, other: str) -> bool:
    """Whether two listen addresses mean the same socket: `localhost:7070` equals `127.0.0.1:7070`."""
    return one == other or await resolve(one) == await resolve(other)


async def listen(address: str) -> socket.socket:
    """A listening socket, not blocking. Raises AddressFault in the words of Go's net.Listen."""
    try:
        host, port = await resolve(address)
    except AddressFault as error:
        raise AddressFault(f"listen tcp: {error.message}") from None
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise AddressFault(f"listen tcp {join(host, port)}: bind: {_go_text(error)}") from None
    return sock


def bound(sock: socket.socket) -> str:
    """The address that a listening socket got, as `host:port`."""
    host, port = sock.getsockname()[:2]
    return join(host, port)


def _go_text(error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "cannot assign requested address"
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
