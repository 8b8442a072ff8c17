"""The runbook knows every alert, and the commands that it gives are there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from testbed.cli import main

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "runbook.md").read_text()
COMMANDS = sorted(set(re.findall(r"testbed [a-z][^`\n]*?(?=`| {2,}|$)", PAGE, re.M)))


def test_it_says_what_to_do_about_every_alert() -> None:
    groups = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert set(re.findall(r"^\| (Saga\w+) \|", PAGE, re.M)) == alerts


@pytest.mark.parametrize("words", COMMANDS)
def test_its_commands_and_their_options_exist(words: str) -> None:
    command: click.Command = main
    rest = words.split()[1:]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest.pop(0))
        assert found is not None, words
        command = found
    known = {name for option in command.params for name in option.opts}
    assert {word for word in rest if word.startswith("--")} <= known
