"""`python -m chaos.fault_proxy`: Toxiproxy's command line."""

import argparse
import asyncio
import contextlib
import os
import resource
import signal
import sys
from pathlib import Path

import uvloop

from . import VERSION, log
from .errors import AddressFault
from .server import FaultProxy, Settings


def _parser() -> argparse.ArgumentParser:
    """Go's flags: one dash or two."""
    parser = argparse.ArgumentParser(prog="python -m chaos.fault_proxy", allow_abbrev=False)
    add = parser.add_argument
    add("-host", "--host", default="localhost", help="address of the API (default localhost)")
    add("-port", "--port", type=int, default=8474, help="port of the API (default 8474)")
    add("-config", "--config", type=Path, help="JSON file with proxies to create at the start")
    add("-seed", "--seed", type=int, help="seed of all chance; a run with the same seed repeats (default: random)")
    add("-runtime-metrics", "--runtime-metrics", action="store_true", help="process metrics at /metrics")
    add("-proxy-metrics", "--proxy-metrics", action="store_true", help="proxy and toxic metrics at /metrics")
    add("-version", "--version", action="version", version=f"toxiproxy-server version {VERSION}")
    return parser


def _allow_many_sockets() -> None:
    """Every connection takes two descriptors: use all that the system grants, as Go programs do by themselves."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await FaultProxy(settings).run(stop)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM. Exit status 0, or 1 when the API's address is not free."""
    settings = Settings(**vars(_parser().parse_args(arguments)))
    _allow_many_sockets()
    log.configure(os.environ.get("LOG_LEVEL", "info"))
    try:
        uvloop.run(_serve(settings))
    except AddressFault as error:
        print(f"{error.message}: choose another -port, or stop what listens there", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
