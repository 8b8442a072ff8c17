"""What goes wrong for a user, with its exit status.

Failure            1  the command could not do what was asked; the message says what to do next
├── CannotStart    2  nothing was started; the message names every obstacle
└── CannotSee      2  nobody answers whose answer was to be judged
"""

from __future__ import annotations

import click

INTERRUPTED = 130
"""The exit status after Ctrl-C, as a shell says of SIGINT: 1 would say that something was judged and found invalid."""

NOBODY_READS = 141
"""The exit status when whoever read the output is gone (``| head -1``), as a shell says of SIGPIPE."""


class Failure(click.ClickException):
    """Shown as one message, without a traceback."""

    exit_code = 1


class CannotStart(Failure):
    """The preflight found obstacles."""

    exit_code = 2

    def __init__(self, obstacles: list[str]) -> None:
        self.obstacles = obstacles
        super().__init__("cannot start:\n" + "\n".join(f"  - {obstacle}" for obstacle in obstacles))


class CannotSee(Failure):
    """What was to be judged cannot be seen, so nobody knows how it is."""

    exit_code = 2
