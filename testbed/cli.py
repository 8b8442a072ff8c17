"""The command `testbed`: one module a command, imported when it is called, so that each starts fast."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

from testbed.errors import INTERRUPTED, NOBODY_READS

# name: (where the command is, what the list of commands says about it)
COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "up": ("testbed.commands.up:up", "Start the system."),
        "down": ("testbed.commands.down:down", "Stop it; its data stays."),
        "status": ("testbed.commands.status:status", "Show how every process is."),
        "start": ("testbed.commands.start:start", "Start one process again."),
        "kill": ("testbed.commands.kill:kill", "Kill, stop, halt or resume one process."),
        "demo": ("testbed.demo:demo", "The main job, end to end, in two minutes."),
        "ingest": ("testbed.commands.ingest:ingest", "Add documents to a project."),
        "generate": ("testbed.commands.generate:generate", "Generate a project's wiki through a saga."),
        "sagas": ("testbed.commands.sagas:sagas", "List and show sagas; retry, skip or cancel one."),
        "backup": ("testbed.commands.backup:backup", "Copy a system at one moment."),
        "restore": ("testbed.commands.restore:restore", "Make a system from its backup."),
        "audit": ("testbed.commands.audit:audit_command", "Hold disk, git and graph against the saga log."),
        "alerts": ("testbed.commands.alerts:alerts", "Which figures call for somebody."),
        "chaos": ("testbed.commands.chaos:chaos", "Break the system on purpose."),
        "explore": ("testbed.commands.explore:explore_command", "Try every fault at every call; shrink what fails."),
        "replay": ("testbed.commands.replay:replay_command", "Run one schedule again, also over real processes."),
        "load": ("testbed.commands.load:load", "Put it under load, with faults if you like."),
        "conform": ("testbed.commands.conform:conform_command", "Hold any HTTP participant against the rules."),
        "env": ("testbed.commands.env:env", "Make the secrets for docker compose."),
        "token": ("testbed.commands.token:token", "Print a token."),
    }
)


class LazyGroup(click.Group):
    """A group that knows where its commands are and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\ninterrupted", err=True)
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python can flush what is left
            raise SystemExit(NOBODY_READS) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="saga-testbed", prog_name="testbed")
def main() -> None:
    """Run a system of services whose transactions are sagas, break it on purpose, and prove that nothing is left.

    Every command that works on a system takes --state DIR (or the variable TESTBED_STATE): that system's folder.

    Exit status: 0 done, 1 failed, 2 wrong usage or an obstacle before anything was started, 130 interrupted by Ctrl-C,
    141 nobody reads the output any more; `COMMAND --help` says more where a command has more to say.
    """
