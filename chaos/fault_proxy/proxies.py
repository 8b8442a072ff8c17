"""All proxies of one server, and the calls that create, change and remove them."""

import asyncio
from typing import Any

from . import addresses, bodies
from .errors import ApiError, BadRequest, Conflict, NotFound
from .ledger import Ledger
from .proxy import Proxy
from .toxic import ToxicRequest


class PopulateFault(Exception):
    """A populate stopped half-way: `error` says why, `done` are the proxies that were taken care of before."""

    def __init__(self, error: ApiError, done: list[Proxy]) -> None:
        super().__init__(error.message)
        self.error = error
        self.done = done


class Proxies:
    """The collection behind the API. Changes to it are made one at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._by_name: dict[str, Proxy] = {}
        self._changing = asyncio.Lock()

    def all(self) -> list[Proxy]:
        """Sorted by name, as Go encodes a map."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def get(self, name: str) -> Proxy:
        """Raises NotFound."""
        try:
            return self._by_name[name]
        except KeyError:
            raise NotFound("proxy not found") from None

    async def create(self, body: Any) -> Proxy:
        """Create and start a proxy, with its toxics if the body has any. Raises ApiError; nothing is kept then."""
        members = bodies.fields(body)
        request = _ProxyRequest(members)
        async with self._changing:
            if request.name in self._by_name:
                raise Conflict("proxy already exists")
            return await self._create(request)

    async def update(self, name: str, body: Any) -> Proxy:
        """Change `listen`, `upstream`, `enabled`; what is absent stays. Raises ApiError."""
        members = bodies.fields(body)
        async with self._changing:
            proxy = self.get(name)
            listen = bodies.text(members, "listen", proxy.listen)
            upstream = bodies.text(members, "upstream", proxy.upstream)
            enabled = bodies.flag(members, "enabled", proxy.enabled)
            if not upstream:
                raise BadRequest.missing("upstream")
            if upstream != proxy.upstream or not await addresses.same(listen, proxy.listen):
                await proxy.move(listen, upstream)
            if enabled and not proxy.enabled:
                await proxy.start()
            elif proxy.enabled and not enabled:
                await proxy.stop()
            return proxy

    async def delete(self, name: str) -> None:
        """Raises NotFound."""
        async with self._changing:
            proxy = self.get(name)
            await proxy.stop()
            del self._by_name[name]

    async def populate(self, body: Any) -> list[Proxy]:
        """Create what is new, replace what differs, leave alone what is the same. Raises PopulateFault."""
        done: list[Proxy] = []
        try:
            requests = _populate_requests(body)
            async with self._changing:
                for request in requests:
                    done.append(await self._create_or_replace(request))
        except ApiError as error:
            raise PopulateFault(error, done) from None
        return done

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic. Raises AddressFault, after trying all of them."""
        async with self._changing:
            failed: ApiError | None = None
            for proxy in self.all():
                await proxy.remove_all_toxics()
                try:
                    await proxy.start()
                except ApiError as error:
                    failed = failed or error
            if failed is not None:
                raise failed

    async def close(self) -> None:
        """Stop all proxies."""
        async with self._changing:
            await asyncio.gather(*(proxy.stop() for proxy in self._by_name.values()))

    async def _create(self, request: "_ProxyRequest") -> Proxy:
        proxy = Proxy(request.name, request.listen, request.upstream, self.ledger)
        for toxic in request.toxics:
            await proxy.add_toxic(toxic)
        if request.enabled:
            await proxy.start()
        self._by_name[request.name] = proxy
        return proxy

    async def _create_or_replace(self, request: "_ProxyRequest") -> Proxy:
        known = self._by_name.get(request.name)
        if known is not None:
            if known.upstream == request.upstream and await addresses.same(known.listen, request.listen):
                return known
            await known.stop()
        return await self._create(request)


class _ProxyRequest:
    """A checked proxy in a request body. Raises BadRequest; `where` is added to its messages."""

    def __init__(self, members: dict[str, Any], where: str = "") -> None:
        self.name = bodies.text(members, "name")
        self.listen = bodies.text(members, "listen")
        self.upstream = bodies.text(members, "upstream")
        self.enabled = bodies.flag(members, "enabled", True)
        if not self.name:
            raise BadRequest.missing(f"name{where}")
        if not self.upstream:
            raise BadRequest.missing(f"upstream{where}")
        self.toxics = members.get("toxics", [])
        if not isinstance(self.toxics, list):
            raise BadRequest.body(f"toxics must be an array, not {bodies.kind(self.toxics)}")
        _check_toxics(self.toxics)


def _check_toxics(toxics: list[Any]) -> None:
    """All toxics are checked before anything is created."""
    names: set[str] = set()
    for toxic in toxics:
        request = ToxicRequest.parse(toxic)
        request.build("")
        if request.name in names:
            raise Conflict("toxic already exists")
        names.add(request.name)


def _populate_requests(body: Any) -> list[_ProxyRequest]:
    if not isinstance(body, list):
        raise BadRequest.body(f"cannot unmarshal {bodies.kind(body)} into an array of proxies")
    return [
        _ProxyRequest(bodies.fields(entry, f"proxy {number}"), f" at proxy {number}")
        for number, entry in enumerate(body, 1)
    ]
