"""Three-valued verdicts: what could not be seen is never green, and a finding outweighs everything."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from chaos.auditor.collectors import look
from chaos.auditor.facts import Probe
from chaos.auditor.invariants import INVARIANTS, Invariant, judge
from chaos.auditor.rendering import render
from chaos.auditor.report import AuditReport
from chaos.auditor.verdicts import Outcome, Verdict, Word, worst
from chaos.auditor.world import World
from tests.unit.auditor_world import ALL_VALID, Built, P, two_sagas

NEEDS = {
    "log": ("A5",),
    "sagas": ("A1", "A2", "A3", "A4", "A5"),
    "files": ("A1", "A2", "A4"),
    "repositories": ("A1", "A2", "A4", "A5"),
    "graph": ("A1", "A2", "A3", "A4", "A5"),
    "leftovers": ("A3",),
    "probes": ("A6",),
    "journal": ("A4",),
}


@pytest.mark.parametrize("source", NEEDS)
def test_a_blind_source_makes_what_needs_it_unknown(source: str) -> None:
    built = two_sagas()
    built.blind = {source: "permission denied"}
    expected = ALL_VALID | dict.fromkeys(NEEDS[source], "unknown")
    assert built.verdicts() == expected
    for name in NEEDS[source]:
        assert "permission denied" in built.judge()[name].unseen


def test_a_finding_outweighs_a_blind_source() -> None:
    built = two_sagas()
    built.put_files({"c.md": "new"})
    built.blind = {"graph": "away"}
    result = built.judge()["A2"]
    assert result.verdict is Verdict.INVALID
    assert result.unseen == ("away",)


def test_a_check_that_crashes_is_unknown() -> None:
    def broken(world: World) -> Outcome:
        raise KeyError("oops")

    (result,) = judge(two_sagas().world(), [Invariant("A9", "made up", (broken,))])
    assert result.verdict is Verdict.UNKNOWN
    assert "broken crashed: KeyError('oops')" in result.unseen[0]


def test_every_collector_that_crashes_is_blind() -> None:
    def broken() -> int:
        raise OSError("disk on fire")

    assert look("files", broken).blind == "files: disk on fire"
    assert look("files", lambda: 3).get() == 3


def test_every_invariant_of_the_design_is_judged() -> None:
    assert [invariant.name for invariant in INVARIANTS] == ["A1", "A2", "A3", "A4", "A5", "A6"]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [("valid valid", "valid"), ("valid unknown", "unknown"), ("unknown invalid valid", "invalid"), ("", "unknown")],
)
def test_the_worst_verdict_is_the_whole_one(verdicts: str, expected: str) -> None:
    assert worst(Verdict(word) for word in verdicts.split()) == expected


def test_findings_in_a_project_that_moved_meanwhile_prove_nothing() -> None:
    built = two_sagas()
    built.put_files({"c.md": "new"})
    built.moved = frozenset({"s2"})
    assert {name: built.verdicts()[name] for name in ("A1", "A2", "A4")} == dict.fromkeys(("A1", "A2", "A4"), "unknown")
    built.roll_back("s3", {"x.md": "x"}, project="still")
    built.put_files({"x.md": "x"}, project="still")
    assert built.words("A2") == [Word.ORPHAN]
    assert built.verdicts()["A2"] == "invalid"


@pytest.mark.parametrize(
    ("status", "appeared", "verdict"),
    [
        (401, False, "valid"),
        (403, False, "valid"),
        (201, False, "invalid"),
        (401, True, "invalid"),
        (None, True, "invalid"),
        (500, False, "unknown"),
        (409, False, "unknown"),
        (401, None, "unknown"),
        (None, False, "unknown"),
    ],
)
def test_a_probe_is_judged_by_answer_and_effect(status: int | None, appeared: bool | None, verdict: str) -> None:
    built = two_sagas()
    built.probes.append(Probe("git_server", "a badly signed token", "POST /snapshot/x", status, appeared))
    assert built.verdicts()["A6"] == verdict


def test_no_probes_at_all_are_unknown() -> None:
    built = two_sagas()
    built.probes = []
    assert built.verdicts()["A6"] == "unknown"
    built.skipped = ["git_server was not probed: no URL was given"]
    assert built.judge()["A6"].unseen == ("git_server was not probed: no URL was given",)


def report(built: Built) -> AuditReport:
    results = tuple(built.judge().values())
    verdict = worst(result.verdict for result in results)
    return AuditReport(verdict, results, {"committed": 1}, {"files": 1}, 0, {"files": 2}, 1.5, 0.25)


@pytest.mark.parametrize(("blind", "damaged", "status"), [(False, False, 0), (True, False, 2), (True, True, 1)])
def test_the_exit_status_follows_the_verdict(blind: bool, damaged: bool, status: int) -> None:
    built = two_sagas()
    if blind:
        built.blind = {"graph": "away"}
    if damaged:
        built.put_files({"c.md": "new"})
    assert report(built).exit_status == status


def test_the_json_has_the_first_evidence_and_all_counts() -> None:
    built = two_sagas()
    built.put_files({"c.md": "new"})
    answer = json.loads(json.dumps(report(built).to_json()))
    assert answer["verdict"] == "invalid"
    assert answer["first_evidence"]["subject"] == "c.md"
    a2 = answer["invariants"][1]
    assert (a2["name"], a2["counts"], a2["findings_in_all"]) == ("A2", {"orphan": 1}, 1)
    assert a2["findings"][0]["word"] == "orphan"


def test_the_json_of_very_many_findings_stays_short() -> None:
    built = two_sagas()
    built.put_links("ghost", [(f"p{number}", "LINKS_TO", "q") for number in range(500)])
    a2 = report(built).to_json()["invariants"][1]
    assert (len(a2["findings"]), a2["findings_in_all"], a2["counts"]) == (100, 500, {"orphan": 500})


def shown(built: Built) -> str:
    console = Console(file=StringIO(), width=160, color_system=None)
    console.print(render(report(built)))
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_a_person_reads_the_first_evidence_in_full_and_every_invariant() -> None:
    built = two_sagas()
    built.roll_back("s3", {"[red]odd[/red].md": "x"})
    built.put_files({"[red]odd[/red].md": "x"})
    text = shown(built)
    for piece in ("A1 atomic", "A6 closed", "[red]odd[/red].md", "saga: s3", f"project: {P}", "verdict: invalid"):
        assert piece in text


def test_a_person_reads_why_something_is_unknown() -> None:
    built = two_sagas()
    built.blind = {"graph": "the graph answered 401"}
    assert "A1 could not see: the graph answered 401" in shown(built)
