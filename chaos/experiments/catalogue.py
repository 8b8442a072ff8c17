"""The experiments that come with the project: one YAML file each, beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chaos.experiments.needs import HTTP_FAULT

FOLDER = Path(__file__).parent


class NoSuchExperiment(Exception):
    """The message names those that there are."""


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        claim: one sentence.
        tags: what it needs and not every system has, see ``needs``.
    """

    name: str
    path: Path
    title: str
    claim: str
    tags: frozenset[str]

    @property
    def needs_requests(self) -> bool:
        """Whether it needs http_fault, which Toxiproxy itself does not have."""
        return HTTP_FAULT in self.tags


@cache
def experiments() -> Mapping[str, Experiment]:
    """All of them, by name."""
    found = (_read(path) for path in sorted(FOLDER.glob("*.yaml")))
    return {experiment.name: experiment for experiment in found}


def find(name: str) -> list[Experiment]:
    """The experiment of this name, or ``all``. Raises NoSuchExperiment."""
    known = experiments()
    if name == "all":
        return list(known.values())
    if name not in known:
        raise NoSuchExperiment(f"there is no experiment {name!r}; there are {', '.join(known)}")
    return [known[name]]


def _read(path: Path) -> Experiment:
    body: dict[str, Any] = yaml.safe_load(path.read_text())
    return Experiment(path.stem, path, body["title"], body["description"], frozenset(body.get("tags", ())))
