"""The links of a real stage: the fault proxy as a process of its own, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from chaos.explorer.real.processes import HOST, Nursery, free_port, kill_group, wait_until

NAME = "fault_proxy"


class FaultProxy:
    """The project's own fault proxy (``http_fault`` is what it is needed for). Close it."""

    def __init__(self, nursery: Nursery, log: Path) -> None:
        self._log, port = log, free_port()
        self.url = f"http://{HOST}:{port}"
        self._session = requests.Session()
        self._session.trust_env = False
        self._pid = nursery.start(NAME, api_port=port)

    def wait(self) -> None:
        """Until it answers. Raises CannotStart."""
        wait_until(self._answers, self._pid, "the fault proxy", self._log)

    def add_link(self, name: str, upstream_port: int) -> str:
        """A link to a port of this machine; the URL that leads through it."""
        link = {"name": name, "listen": f"{HOST}:0", "upstream": f"{HOST}:{upstream_port}", "enabled": True}
        return f"http://{self._call('POST', '/proxies', link)['listen']}"

    def add_fault(self, link: str, name: str, attributes: Mapping[str, Any]) -> None:
        """One ``http_fault``."""
        self._call("POST", f"/proxies/{link}/toxics", {"type": "http_fault", "name": name, "attributes": attributes})

    def remove_fault(self, link: str, name: str) -> None:
        """Take it away again; a request that it holds is delivered at once."""
        self._call("DELETE", f"/proxies/{link}/toxics/{name}")

    def heal(self) -> None:
        """Take every fault away."""
        self._call("POST", "/reset")

    def close(self) -> None:
        self._session.close()
        kill_group(self._pid)

    def _answers(self) -> bool:
        try:
            return bool(self._session.get(f"{self.url}/version", timeout=5).ok)
        except requests.RequestException:
            return False

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._session.request(method, self.url + path, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None
