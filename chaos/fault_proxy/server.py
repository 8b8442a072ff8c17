"""Composition: settings in, a running fault proxy out. The only place where its objects meet."""

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from . import VERSION, addresses, bodies, metrics
from .api import Api
from .errors import ApiError
from .ledger import Ledger
from .proxies import PopulateFault, Proxies

log = logging.getLogger(__name__)

DRAIN = 2
"""Seconds that API calls under way may take when the server stops."""


@dataclass(frozen=True)
class Settings:
    """What the command line says. `seed` None chooses one, which is logged."""

    host: str = "localhost"
    port: int = 8474
    config: Path | None = None
    seed: int | None = None
    runtime_metrics: bool = False
    proxy_metrics: bool = False


class _ApiServer(uvicorn.Server):
    """Signals are the process's business, not the API's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class FaultProxy:
    """A server: proxies, their ledger and the API in front of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        seed = secrets.randbelow(2**32) if settings.seed is None else settings.seed
        self.ledger = Ledger(seed)
        self.proxies = Proxies(self.ledger)
        registry = metrics.registry(
            self.proxies, of_proxies=settings.proxy_metrics, of_runtime=settings.runtime_metrics
        )
        self._api = Api(self.proxies, registry)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises AddressFault when the API's address is taken."""
        sock = await addresses.listen(addresses.join(self.settings.host, self.settings.port))
        await self._populate()
        log.info(
            "Starting Toxiproxy HTTP server",
            extra={"address": addresses.bound(sock), "version": VERSION, "seed": self.ledger.seed},
        )
        server = _ApiServer(
            uvicorn.Config(
                self._api,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_keep_alive=60,
                timeout_graceful_shutdown=DRAIN,
            )
        )
        serving = asyncio.ensure_future(server.serve(sockets=[sock]))
        await stop.wait()
        log.info("Shutting down")
        self.ledger.events.close()
        server.should_exit = True
        await asyncio.gather(serving, self.proxies.close())
        _close(sock)

    async def _populate(self) -> None:
        """Create the proxies of the config file; a bad file is logged and the server starts without."""
        path = self.settings.config
        if path is None:
            return
        try:
            done = await self.proxies.populate(bodies.decode(path.read_bytes()))
        except OSError as error:
            log.error("Error reading config file", extra={"config": str(path), "error": error.strerror})
        except (ApiError, PopulateFault) as error:
            log.error("Failed to populate proxies from file", extra={"config": str(path), "error": str(error)})
        else:
            log.info("Populated proxies from file", extra={"config": str(path), "proxies": len(done)})


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.close()
