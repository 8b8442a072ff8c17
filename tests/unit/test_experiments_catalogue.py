"""Every experiment is one that Chaos Toolkit takes, heals what it breaks, and is documented."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaoslib.experiment import ensure_experiment_is_valid, load_experiment

from chaos.experiments.catalogue import Experiment, NoSuchExperiment, experiments, find
from chaos.experiments.needs import OWN_MOUNTS
from chaos.experiments.timeline import ENDED_BY, FOR_THEMSELVES
from testbed.layout import LINKS, NAMES

DOCS = Path(__file__).parents[2] / "docs" / "chaos.md"
EVERY = pytest.mark.parametrize("experiment", experiments().values(), ids=lambda experiment: experiment.name)
IMPLIED = {"configuration", "secrets"}


def body_of(experiment: Experiment) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(experiment.path.read_text())
    return body


def providers(body: dict[str, Any]) -> list[dict[str, Any]]:
    activities = [*body["steady-state-hypothesis"]["probes"], *body["method"], *body["rollbacks"]]
    return [activity["provider"] for activity in activities]


@EVERY
def test_chaos_toolkit_takes_it(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTBED_STATE", "nowhere")
    ensure_experiment_is_valid(load_experiment(str(experiment.path)))


@EVERY
def test_its_activities_exist_and_take_these_arguments(experiment: Experiment) -> None:
    for provider in providers(body_of(experiment)):
        function = getattr(import_module(provider["module"]), provider["func"])
        inspect.signature(function).bind(
            **provider.get("arguments", {}),
            **{name: {} for name in IMPLIED & set(inspect.signature(function).parameters)},
        )


@EVERY
def test_it_names_links_and_processes_that_there_are(experiment: Experiment) -> None:
    for provider in providers(body_of(experiment)):
        arguments = provider.get("arguments", {})
        services = arguments.get("services", []) + ([arguments["service"]] if "service" in arguments else [])
        assert set(services) <= set(NAMES)
        assert arguments.get("link", LINKS[0].name) in {link.name for link in LINKS}


@EVERY
def test_it_heals_before_it_is_judged_and_again_at_the_end(experiment: Experiment) -> None:
    body = body_of(experiment)
    assert body["method"][-1]["provider"]["func"] == "heal"
    assert [activity["provider"]["func"] for activity in body["rollbacks"]] == ["heal"]


@EVERY
def test_its_fault_is_drawn(experiment: Experiment) -> None:
    used = {activity["provider"]["func"] for activity in body_of(experiment)["method"]}
    assert used & {*ENDED_BY, *FOR_THEMSELVES}


@EVERY
def test_it_has_the_common_steady_state_and_leaves_evidence(experiment: Experiment) -> None:
    body = body_of(experiment)
    probes = body["steady-state-hypothesis"]["probes"]
    assert {probe["provider"]["func"]: probe["tolerance"] for probe in probes} == {
        "verdict": "valid",
        "claim": "holds",
        "generation": "committed",
    }
    assert [control["provider"]["module"] for control in body["controls"]] == ["chaos.experiments.evidence"]
    assert body["configuration"]["project"] == f"chaos-{experiment.name}"


@EVERY
def test_it_says_so_when_it_needs_mounts_of_its_own(experiment: Experiment) -> None:
    uses = any(provider["func"] == "start_with_own_mounts" for provider in providers(body_of(experiment)))
    assert (OWN_MOUNTS in experiment.tags) == uses


@EVERY
def test_it_says_so_when_it_needs_faults_that_know_requests(experiment: Experiment) -> None:
    uses = any(provider["func"] in ("http_fault", "wait_for_outcome") for provider in providers(body_of(experiment)))
    assert experiment.needs_requests == uses


def test_the_page_says_what_each_claims_and_names_no_other() -> None:
    table = DOCS.read_text().partition("## What they claim")[2].partition("¹ needs")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert {name.strip("`"): claim.rstrip("¹² ") for name, claim in rows} == {
        experiment.name: experiment.claim for experiment in experiments().values()
    }


def test_the_page_names_every_action() -> None:
    page = DOCS.read_text().partition("## Writing one")[2]
    for name in ("actions", "links", "processes", "disks", "clocks"):
        module = import_module(f"chaos.experiments.{name}")
        row = next(line for line in page.splitlines() if f"`{module.__name__}`" in line)
        public = {
            word
            for word, found in inspect.getmembers(module, inspect.isfunction)
            if found.__module__ == module.__name__ and not word.startswith("_")
        }
        assert set(row.split("`")[3::2]) == public


def test_an_experiment_is_found_by_name_and_all_by_all() -> None:
    assert [experiment.name for experiment in find("reset")] == ["reset"]
    assert find("all") == list(experiments().values())


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(NoSuchExperiment, match="snapshot-refused"):
        find("no-such-thing")
