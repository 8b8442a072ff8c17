"""A Toxiproxy that runs already (``TOXIPROXY_URL``): it gets this system's links, and loses them again at the end."""

from __future__ import annotations

import json

import requests

from testbed.errors import CannotStart, Failure
from testbed.layout import Layout

TIMEOUT = 10.0  # seconds
AT_LEAST = (2, 9)


def check(layout: Layout) -> None:
    """Raises CannotStart when it does not answer, is too old, or serves another system's links."""
    url = layout.running_proxy
    if url is None:
        return
    try:
        version = json.loads(_call("GET", f"{url}/version").text)["version"]
        proxies = _call("GET", f"{url}/proxies").json()
    except (requests.RequestException, ValueError, KeyError) as error:
        reason = f"TOXIPROXY_URL={url} does not answer as a Toxiproxy does ({type(error).__name__})"
        raise CannotStart([f"{reason}: start it, or unset the variable"]) from None
    obstacles = []
    if tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) < AT_LEAST:
        obstacles.append(f"the Toxiproxy at {url} is version {version}: 2.9 or newer is needed")
    for name, (listen, upstream) in layout.links().items():
        other = proxies.get(name)
        if other and (other["listen"], other["upstream"]) != (listen, upstream):
            obstacles.append(f"the Toxiproxy at {url} already has a proxy {name} of another system: remove it first")
    if obstacles:
        raise CannotStart(obstacles)


def add_links(url: str, links: dict[str, tuple[str, str]]) -> None:
    """Create the links' proxies. Raises Failure."""
    try:
        _call("POST", f"{url}/populate", as_config(links))
    except requests.RequestException as error:
        raise Failure(f"the Toxiproxy at {url} did not take the links: {error}") from None


def remove_links(url: str, names: list[str]) -> None:
    """Delete the links' proxies, as far as it still answers."""
    for name in names:
        try:
            requests.delete(f"{url}/proxies/{name}", timeout=TIMEOUT)
        except requests.RequestException:
            return


def as_config(links: dict[str, tuple[str, str]]) -> list[dict[str, object]]:
    """The links in the form of Toxiproxy's -config file and of POST /populate."""
    return [
        {"name": name, "listen": listen, "upstream": upstream, "enabled": True}
        for name, (listen, upstream) in links.items()
    ]


def _call(method: str, url: str, body: object = None) -> requests.Response:
    answer = requests.request(method, url, json=body, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer
