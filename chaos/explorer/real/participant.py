"""One participant's process: the scenario's app under gunicorn, as `testbed up` starts it, on its folder and port."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from chaos.explorer.machines import App, AppOnFolder
from chaos.explorer.network import Describe
from chaos.explorer.real.lines import Channel
from chaos.explorer.real.remote import LABEL, Ask, Links, RealSession
from chaos.explorer.tokens import Tokens
from service_kit import gunicorn_conf

_LABEL = "HTTP_" + LABEL.upper().replace("-", "_")


def serve(machine: AppOnFolder, port: int, control: Path, links: Links, describe: Describe, tokens: Tokens) -> None:
    """Serve until killed."""

    def make() -> App:
        machine.folder.mkdir(parents=True, exist_ok=True)
        session = RealSession(lambda: _about_one_call(control, machine.name), links, describe, tokens)
        app, _ = machine.make(machine.folder, session)
        return _Watched(app, control)

    _Gunicorn(make, f"127.0.0.1:{port}").run()


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(self, make: Callable[[], App], bind: str) -> None:
        self._make, self._bind = make, bind
        super().__init__()

    def load_config(self) -> None:
        for name, value in vars(gunicorn_conf).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        self.cfg.set("bind", self._bind)

    def load(self) -> App:
        return self._make()


class _Watched:
    """Tells the stage of every call of the run, before the app sees it and when the app has answered it.

    In between and after it the stage may kill this process, or fill its disk.
    """

    def __init__(self, app: App, control: Path) -> None:
        self._app, self._control = app, control

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        label = environ.get(_LABEL)
        if label is None:
            answer: Iterable[bytes] = self._app(environ, start_response)
            return answer
        seen: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            seen[:] = [status]
            return start_response(status, headers, *error)

        with closing(Channel.dial(self._control)) as stage:
            stage.ask({"op": "arrived", "label": label, "pid": os.getpid()})
            body = _whole(self._app(environ, start))
            told = body[:2000].decode("latin-1")
            stage.ask(
                {"op": "answered", "label": label, "pid": os.getpid(), "status": int(seen[0].split()[0]), "body": told}
            )
        return [body]


def _whole(answer: Any) -> bytes:
    try:
        return b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


@contextmanager
def _about_one_call(control: Path, name: str) -> Iterator[Ask]:
    with closing(Channel.dial(control)) as stage:
        stage.ask({"op": "hello", "who": name})
        yield stage.ask
