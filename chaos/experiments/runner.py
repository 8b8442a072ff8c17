"""Running one experiment as `chaos run FILE` does, quietly, on one system."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoslib.experiment import load_experiment, run_experiment

from chaos.compose_project import ComposeProject
from chaos.experiments.catalogue import Experiment
from chaos.experiments.evidence import folder_of
from chaos.experiments.judging import Word, judge
from chaos.experiments.needs import why_not
from chaos.experiments.run import last

STATE_VARIABLE = "TESTBED_STATE"
_SETTINGS = {"runtime": {"rollbacks": {"strategy": "always"}}}


@dataclass(frozen=True)
class Outcome:
    """One experiment's outcome.

    Attributes:
        why: what went otherwise, or "".
        evidence: the folder that the run left, or None.
        interrupted: somebody pressed Ctrl-C; the faults are healed, or ``why`` says which are not, and nobody wants
            the next experiment.
    """

    name: str
    word: Word
    why: str
    seconds: float
    evidence: Path | None
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        evidence = str(self.evidence) if self.evidence else None
        return {
            "name": self.name,
            "verdict": str(self.word),
            "why": self.why,
            "seconds": round(self.seconds, 1),
            "evidence": evidence,
        }


def run(experiment: Experiment, state: Path, *, knows_requests: bool) -> Outcome:
    """Run it on the system of ``state``; never raises for what the experiment does.

    Args:
        knows_requests: whether the system's proxy has http_fault. What cannot be done here is skipped.
    """
    began = time.monotonic()
    in_containers = ComposeProject.of(state) is not None
    if lacking := why_not(experiment.tags, knows_requests=knows_requests, in_containers=in_containers):
        return Outcome(experiment.name, Word.SKIPPED, lacking, 0.0, None)
    with _quiet_toolkit(), _variable(STATE_VARIABLE, str(state)):
        journal = run_experiment(load_experiment(str(experiment.path)), settings=_SETTINGS)
    found = last()
    word, why = judge(journal, found.left if found else ())
    evidence = folder_of(found) if found else None
    return Outcome(experiment.name, word, why, time.monotonic() - began, evidence, journal["status"] == "interrupted")


@contextmanager
def _quiet_toolkit() -> Iterator[None]:
    """The outcome is told once, by us; the toolkit's journal has the rest."""
    logger = logging.getLogger("chaostoolkit")
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    former = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if former is None:
            del os.environ[name]
        else:
            os.environ[name] = former
