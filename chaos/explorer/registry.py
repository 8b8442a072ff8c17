"""The scenarios by their names: those of this project, and anybody's as ``package.module:factory``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from chaos.explorer.scenario import Scenario

OWN: Mapping[str, str] = MappingProxyType(
    {
        "wiki": "chaos.explorer.wiki:WikiScenario",
        "wiki-hasty": "chaos.explorer.wiki:HastyScenario",
        "wiki-parking": "chaos.explorer.wiki:ParkingScenario",
        "wiki-patient": "chaos.explorer.wiki:PatientScenario",
        "wiki-crowd": "chaos.explorer.wiki:CrowdScenario",
    }
)
"""Public name to ``module:factory``."""


class NoSuchScenario(ValueError):
    """There is none of this name; the message says what there is."""


def scenario_of(name: str) -> Scenario:
    """The scenario of a public name, or what ``package.module:factory`` makes when called without arguments.

    Its ``name`` is then ``name``, so that schedules found with it can be replayed.

    Raises:
        NoSuchScenario: there is none, or what is there makes no Scenario.
    """
    module, _, attribute = OWN.get(name, name).partition(":")
    if not module or not attribute or module.startswith("."):
        raise NoSuchScenario(f"no scenario {name!r}: there is {', '.join(OWN)}, or package.module:factory")
    factory = _factory(module, attribute)
    try:
        made = factory()
    except Exception as error:
        raise NoSuchScenario(f"{name} makes no scenario: {type(error).__name__}: {error}") from error
    if not isinstance(made, Scenario):
        raise NoSuchScenario(f"{name}: made a {type(made).__name__}, not a Scenario (chaos.explorer.scenario)")
    made.name = name
    return made


def _factory(module: str, attribute: str) -> Callable[[], object]:
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` has it: the user's own package lies where the command is given
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # importing runs the user's module, which may raise anything
        raise NoSuchScenario(f"{module}:{attribute} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise NoSuchScenario(f"{module}:{attribute} is no factory: it cannot be called")
    return found  # type: ignore[no-any-return]
