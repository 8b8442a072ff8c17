"""docs/commands.md and the program say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from testbed.cli import COMMANDS, main

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
HELP = "--help"
SHARED = ("retry", "skip", "cancel")  # their options stand in one table, under the last of them


def commands(group: click.Group, path: str = "testbed") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


ALL = dict(commands(main))


def section(path: str) -> str:
    words = path.split()
    heading = "testbed sagas cancel" if words[-1] in SHARED and len(words) == 3 else path
    found = re.search(rf"^## `{heading}`\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)
    assert found is not None, f"no section about {path}"
    return found[1]


def options(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts if name.startswith("--") and name != HELP}


def test_the_page_has_a_section_for_every_command_and_for_nothing_else() -> None:
    assert sorted(re.findall(r"^## `(testbed [^`]+)`", PAGE, re.M)) == sorted(ALL)


@pytest.mark.parametrize("path", ALL)
def test_the_page_names_every_option_of_a_command_and_no_other(path: str) -> None:
    told = set(re.findall(r"--[a-z][a-z0-9-]+", re.sub(r"`testbed [^`]*`", "", section(path)))) - {HELP}
    assert told == options(ALL[path])


@pytest.mark.parametrize("path", ALL)
def test_the_page_tells_the_exit_status(path: str) -> None:
    assert "Exit status: 0" in section(path) or "Exit status: that of" in section(path)


@pytest.mark.parametrize("path", [path for path in ALL if path.split()[1] not in ("sagas", "chaos")])
def test_the_help_of_a_command_tells_its_exit_status(path: str) -> None:
    assert "Exit status" in (ALL[path].help or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says_under_its_own_name(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
