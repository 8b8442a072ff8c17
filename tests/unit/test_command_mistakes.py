"""What the backend would refuse is wrong usage: it is said with the option's name, before any system is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError

from backend.saga import limits
from backend.schemas import OperatorIn
from testbed.cli import main


def mistaken(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--state", str(state)], catch_exceptions=False)


@pytest.mark.parametrize("command", [("token",), ("token", "--internal"), ("sagas", "list")])
@pytest.mark.parametrize("user", ["", "u" * 256, "a\nb", "a\udcff"])
def test_a_user_whom_no_token_may_name_is_wrong_usage(tmp_path: Path, command: tuple[str, ...], user: str) -> None:
    finished = mistaken(tmp_path, *command, "--user", user)
    assert finished.exit_code == 2
    assert "'--user': a user has 1 to 255 characters" in " ".join(finished.stderr.split())
    assert mistaken(tmp_path, *command, "--user", "u" * 255).exit_code == 1, "there is no system"


@pytest.mark.parametrize("verb", ["retry", "skip", "cancel"])
@pytest.mark.parametrize("reason", ["", "  ", " xy ", "r" * (limits.REASON + 1)])
def test_a_reason_that_is_none_is_wrong_usage(tmp_path: Path, verb: str, reason: str) -> None:
    finished = mistaken(tmp_path, "sagas", verb, "none", "--reason", reason)
    assert finished.exit_code == 2
    assert "'--reason': a reason has 3 to 500 characters" in " ".join(finished.stderr.split())
    for good in ("xyz", "r" * limits.REASON):
        assert OperatorIn(reason=good).reason == good
        assert mistaken(tmp_path, "sagas", verb, "none", "--reason", good).exit_code == 1, "there is no system"
    with pytest.raises(ValidationError):
        OperatorIn(reason=reason)
