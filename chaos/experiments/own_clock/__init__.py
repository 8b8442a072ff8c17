"""Programs with a wall clock of their own: the file that says how far it is off, and what they are started with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from chaos.experiments.own_clock.sitecustomize import FILE

NAME = "own-clock"


def set_ahead(state: Path, seconds: float) -> None:
    """Let the clock be ``seconds`` ahead of the true time (behind, if negative), in one step."""
    draft = state / f"{NAME}.new"
    draft.write_text(str(seconds))
    draft.replace(state / NAME)


def with_own_clock(env: Mapping[str, str], state: Path) -> dict[str, str]:
    """The environment ``env`` for a Python program that is to have the clock of ``state``."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), env.get("PYTHONPATH"))))
    return {**env, "PYTHONPATH": path, FILE: str(state / NAME)}
