"""A3 and A4: what may be left at rest, and what clients were told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.auditor.facts import Leftover, Told
from chaos.auditor.invariants import judge
from chaos.auditor.verdicts import Word
from tests.unit.auditor_world import ALL_VALID, FILES, LINKS, Built, P, sha, snap, two_sagas


def open_saga(built: Built, last: str) -> None:
    """A saga ``o`` that stopped after the event ``last``."""
    built.commit("o", {"a.md": "x"})
    place = next(number for number, event in enumerate(built.events) if event.saga_id == "o" and event.type == last)
    built.events = built.events[: place + 1]


@pytest.mark.parametrize("last", ["saga.requested", "saga.begun", "step.done", "saga.committed", "confirm.done"])
def test_a_saga_that_is_not_at_its_end_is_in_limbo(last: str) -> None:
    built = Built()
    open_saga(built, last)
    (finding,) = built.judge()["A3"].findings
    assert (finding.word, finding.saga_id) == (Word.LIMBO, "o")
    assert last in finding.evidence


def parked(built: Built) -> None:
    built.begin("f", {"a.md": "x"})
    built.write("f", "saga.rollback_began", reason="r", failed_step=None)
    built.write("f", "saga.parked", FILES, problem="503", retry_at=None)


def test_a_failed_saga_with_a_dead_letter_is_no_limbo() -> None:
    built = two_sagas()
    parked(built)
    assert built.verdicts() == ALL_VALID


def test_a_retried_failed_saga_is_open_again() -> None:
    built = two_sagas()
    parked(built)
    built.write("f", "saga.retry_requested", by="ann", reason="disk is back")
    assert built.words("A3") == [Word.LIMBO]


def test_a_failed_state_without_a_dead_letter_is_stuck() -> None:
    built = two_sagas()
    parked(built)
    world = built.world()
    world.sagas.get().by_id["f"].dead_letter = False
    (finding,) = judge(world)[2].findings
    assert (finding.word, finding.saga_id) == (Word.STUCK, "f")


def test_a_pending_mark_is_limbo_once_a_saga() -> None:
    built = two_sagas()
    built.links = [replace(link, pending=True) for link in built.links]
    (finding,) = built.judge()["A3"].findings
    assert (finding.word, finding.kind, finding.saga_id) == (Word.LIMBO, "pending marks", "s1")
    assert finding.evidence.startswith("2 relationships")


def test_a_barrier_of_the_graph_that_waits_is_limbo() -> None:
    built = two_sagas()
    built.open_barriers = [(P, "s1")]
    assert built.words("A3") == [Word.LIMBO]


@pytest.mark.parametrize("kind", ["locks", "undo data", "redo data", "moves", "temporary files"])
def test_every_kind_of_leftover_is_limbo(kind: str) -> None:
    built = two_sagas()
    built.leftovers = [Leftover("filesystem_server", kind, "a.md", P, "s1")]
    (finding,) = built.judge()["A3"].findings
    assert (finding.word, finding.kind, finding.project, finding.saga_id) == (Word.LIMBO, kind, P, "s1")


def test_what_a_dead_letter_holds_is_stuck() -> None:
    built = two_sagas()
    parked(built)
    built.leftovers = [Leftover("filesystem_server", "locks", "a.md", P, "f")]
    assert built.words("A3") == [Word.STUCK]


def told(saga_id: str, status: str = "success", **more: object) -> Told:
    return Told(1, saga_id, P, status, **more)  # type: ignore[arg-type]


def test_answers_that_agree_with_the_log_are_valid() -> None:
    built = two_sagas()
    built.told = [told("s1", snapshot_id=snap("s1"), files={"a.md": sha("one")}), told("s2", "failed")]
    assert built.verdicts() == ALL_VALID
    assert built.judge()["A4"].looked_at["answers to clients"] == 2


def test_without_a_journal_the_commit_records_stand_for_it_and_that_is_said() -> None:
    result = two_sagas().judge()["A4"]
    assert result.verdict == "valid"
    assert "commit records" in result.notes[0]
    assert result.looked_at["promised files"] == 2


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (told("s2"), Word.FALSE_COMMITTED),
        (told("ghost"), Word.LOST_UPDATE),
        (told("s1", "failed"), Word.FALSE_COMPENSATED),
        (told("s1", snapshot_id="snap-other"), Word.LOST_UPDATE),
        (told("s1", files={"a.md": sha("another")}), Word.LOST_UPDATE),
        (told("s1", files={"never.md": sha("x")}), Word.LOST_UPDATE),
    ],
)
def test_an_answer_that_the_log_does_not_bear_out(answer: Told, word: Word) -> None:
    built = two_sagas()
    built.told = [answer]
    (finding,) = built.judge()["A4"].findings
    assert finding.word is word
    assert "line 1 of the journal" in finding.evidence


def test_what_a_client_counts_on_and_is_gone_breaks_durability_too() -> None:
    built = two_sagas()
    built.told = [told("s1")]
    built.disk[P].clear()
    built.commits.clear()
    built.links.clear()
    assert sorted(finding.kind for finding in built.judge()["A4"].findings) == [
        "files",
        "files",
        "relationships",
        "snapshots",
    ]


def test_what_no_client_was_told_of_is_no_matter_of_durability() -> None:
    built = two_sagas()
    built.told = []
    built.commits.clear()
    assert built.verdicts() | {"A4": "valid"} == built.verdicts()
    assert built.verdicts()["A1"] == "invalid"


def test_a_committed_file_that_a_rollback_destroyed_is_not_durable() -> None:
    built = two_sagas()
    built.put_files({"a.md": "other"})
    assert built.words("A4") == [Word.LOST_UPDATE]


def test_links_are_compared_by_what_they_say() -> None:
    built = Built()
    built.commit("s1", {"a.md": "x"}, LINKS)
    built.links.reverse()
    assert built.verdicts() == ALL_VALID
