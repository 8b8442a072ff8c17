"""The command `testbed`: one module a command, imported when it is called, so that each starts fast."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from types import MappingProxyType

import click

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "up": "testbed.commands.up:up",
        "down": "testbed.commands.down:down",
        "status": "testbed.commands.status:status",
        "start": "testbed.commands.start:start",
        "kill": "testbed.commands.kill:kill",
        "demo": "testbed.demo:demo",
        "ingest": "testbed.commands.ingest:ingest",
        "generate": "testbed.commands.generate:generate",
        "sagas": "testbed.commands.sagas:sagas",
        "audit": "testbed.commands.audit:audit_command",
        "chaos": "testbed.chaos_command:chaos",
        "load": "testbed.load_command:load",
        "token": "testbed.commands.token:token",
    }
)


class LazyGroup(click.Group):
    """A group that knows where its commands are and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, where in COMMANDS.items() if importlib.util.find_spec(where.partition(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="saga-testbed", prog_name="testbed")
def main() -> None:
    """Run a system of services whose transactions are sagas, break it on purpose, and prove that nothing is left.

    Every command takes --state DIR (or the variable TESTBED_STATE): the folder of the system that it works on.

    Exit status: 0 done, 1 failed, 2 wrong usage or an obstacle before anything was started; `COMMAND --help` says
    more where a command has more to say.
    """
