"""Participants of the gallery on real sockets, in this process, and the kit against them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler

from chaos.conform.report import Report
from chaos.conform.run import conform
from chaos.conform.spec import Spec, load
from chaos.gallery.participants.protocol import token
from tests.support.serving import serving

ROUNDS = 6


class Quiet(WSGIRequestHandler):
    """Logs nothing: clients that hang up are what these servers are for."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


class Restartable:
    """A WSGI application that can be made anew from its folder, as by a process that starts again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.make: Callable[[Path], Any] = import_module(f"chaos.gallery.participants.{name}").make
        self.folder = folder
        self.restart()

    def restart(self) -> None:
        self.app = self.make(self.folder)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


def served(app: Any) -> AbstractContextManager[str]:
    """The address of the application while the block runs."""
    return serving(app, Quiet)


def tokens(project: str) -> str:
    return token(project)


def participants(**said: Any) -> Spec:
    """The profile of the gallery's servers."""
    return load("participants", None, said)


def tried(name: str, folder: Path, spec: Spec | None = None, **options: Any) -> Report:
    """The kit's report on one participant of the gallery."""
    app = Restartable(name, folder)
    with served(app) as url:
        given = {"prefix": "conform-test", "rounds": ROUNDS, "tokens": tokens, "restart": app.restart} | options
        return conform(url, spec or participants(), **given)
