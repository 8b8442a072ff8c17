"""A1 and A2 for files: what is convicted, and what must not be."""

from __future__ import annotations

import pytest

from chaos.auditor.verdicts import Word
from tests.unit.auditor_world import ALL_VALID, FILES, Built, P, sha, two_sagas


def test_a_world_without_sagas_is_valid() -> None:
    built = Built()
    built.put_files({"by-hand.md": "x"})
    assert built.verdicts() == ALL_VALID


def test_a_committed_and_a_rolled_back_saga_over_the_same_files_are_valid() -> None:
    assert two_sagas().verdicts() == ALL_VALID


def test_what_was_looked_at_is_counted() -> None:
    results = two_sagas().judge()
    assert results["A1"].looked_at["files that sagas name"] == 3
    assert results["A2"].looked_at["files on disk"] == 2


def test_a_new_file_of_a_rolled_back_saga_is_an_orphan_and_a_lost_compensation() -> None:
    built = two_sagas()
    built.put_files({"c.md": "new"})
    (orphan,) = built.judge()["A2"].findings
    assert (orphan.word, orphan.kind, orphan.project, orphan.saga_id, orphan.subject) == (
        Word.ORPHAN,
        "files",
        P,
        "s2",
        "c.md",
    )
    assert "found no file there" in orphan.evidence
    assert built.words("A1") == [Word.LOST_COMPENSATION]


def test_an_overwritten_file_that_was_not_restored_is_an_orphan() -> None:
    built = two_sagas()
    built.put_files({"a.md": "other"})
    assert built.words("A2") == [Word.ORPHAN]
    assert built.words("A1") == [Word.LOST_COMPENSATION]
    assert "committed saga s1 wrote" in built.judge()["A1"].findings[0].evidence


def test_delete_instead_of_restore_is_a_lost_compensation() -> None:
    built = two_sagas()
    del built.disk[P]["a.md"]
    (finding,) = built.judge()["A1"].findings
    assert (finding.word, finding.saga_id, finding.subject) == (Word.LOST_COMPENSATION, "s2", "a.md")
    assert built.words("A2") == []


def test_a_missing_file_of_a_committed_saga_is_a_lost_update() -> None:
    built = two_sagas()
    del built.disk[P]["b.md"]
    (finding,) = built.judge()["A1"].findings
    assert (finding.word, finding.saga_id, finding.subject) == (Word.LOST_UPDATE, "s1", "b.md")


def test_other_bytes_in_a_committed_file_are_a_lost_update() -> None:
    built = two_sagas()
    built.put_files({"b.md": "flipped"})
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_a_later_committed_saga_replaces_an_earlier_one() -> None:
    built = two_sagas()
    built.commit("s3", {"a.md": "three"})
    assert built.verdicts() == ALL_VALID
    built.put_files({"a.md": "one"})
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_the_order_of_commits_decides_not_the_order_of_requests() -> None:
    built = Built()
    built.begin("early", {"a.md": "early"}, project=P)
    built.commit("late", {"a.md": "late"})
    for step in ("Save relationships", FILES, "Create git snapshot"):
        built.do("early", step)
    built.write("early", "saga.committed", result={})
    built.write("early", "saga.finished")
    built.put_commit("early", {"a.md": "early"})
    built.put_files({"a.md": "early"})
    assert built.verdicts()["A1"] == "valid"
    built.put_files({"a.md": "late"})
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_a_file_that_was_there_without_a_saga_must_come_back() -> None:
    built = Built()
    built.put_files({"a.md": "by hand"})
    built.roll_back("s1", {"a.md": "generated"})
    assert built.verdicts() == ALL_VALID
    built.put_files({"a.md": "generated"})
    assert built.words("A2") == [Word.ORPHAN]
    del built.disk[P]["a.md"]
    assert built.words("A1") == [Word.LOST_COMPENSATION]
    assert built.words("A2") == []


def test_the_same_bytes_as_were_there_before_are_no_orphan() -> None:
    built = Built()
    built.put_files({"a.md": "same"})
    built.roll_back("s1", {"a.md": "same"})
    assert built.verdicts() == ALL_VALID


def test_a_file_put_there_without_a_saga_after_a_rollback_is_no_orphan() -> None:
    built = Built()
    built.roll_back("s1", {"a.md": "generated"})
    built.put_files({"a.md": "by hand, later"})
    assert built.verdicts() == ALL_VALID


def test_without_a_recorded_answer_the_intent_alone_convicts() -> None:
    """The save's answer was lost, the naive saga undid only what it knew to be done."""
    built = Built()
    built.begin("s1", {"a.md": "x"})
    built.write("s1", "step.started", FILES)
    built.write("s1", "step.unclear", FILES, problem="timeout", retry_at=None)
    built.write("s1", "saga.rollback_began", reason="timeout", failed_step=FILES)
    built.write("s1", "saga.rolled_back", error="timeout")
    assert built.words("A2") == []
    built.put_files({"a.md": "x"})
    assert built.words("A2") == [Word.ORPHAN]
    assert built.words("A1") == [Word.FALSE_COMPENSATED]


@pytest.mark.parametrize("end", ["open", "failed"])
def test_files_of_open_and_failed_sagas_are_orphans(end: str) -> None:
    built = Built()
    built.begin("s1", {"a.md": "x"})
    built.do("s1", FILES, {"files": built.rows_of({"a.md": "x"})})
    if end == "failed":
        built.write("s1", "saga.rollback_began", reason="r", failed_step=None)
        built.write("s1", "saga.parked", FILES, problem="503", retry_at=None)
    built.put_files({"a.md": "x"})
    assert built.words("A2") == [Word.ORPHAN]
    assert built.words("A1") == []


def test_a_committed_file_that_a_failed_saga_overwrote_is_a_lost_update() -> None:
    built = Built()
    built.commit("s1", {"a.md": "one"})
    built.begin("s2", {"a.md": "two"})
    built.do("s2", FILES, {"files": built.rows_of({"a.md": "two"})})
    built.write("s2", "saga.rollback_began", reason="r", failed_step=None)
    built.write("s2", "saga.parked", FILES, problem="503", retry_at=None)
    built.put_files({"a.md": "two"})
    (finding,) = built.judge()["A1"].findings
    assert (finding.word, finding.saga_id) == (Word.LOST_UPDATE, "s1")
    assert "saga s2 wrote, which is failed" in finding.evidence


def test_an_orphan_that_a_later_saga_restored_faithfully_is_still_an_orphan() -> None:
    built = Built()
    built.roll_back("s1", {"a.md": "left behind"})
    built.put_files({"a.md": "left behind"})
    built.roll_back("s2", {"a.md": "second"})
    (orphan,) = built.judge()["A2"].findings
    assert orphan.saga_id == "s1"


def test_a_repeated_save_without_a_barrier_cannot_pass_its_own_bytes_off_as_what_was_there() -> None:
    built = Built()
    built.begin("s1", {"a.md": "x"})
    built.write("s1", "step.started", FILES)
    built.write("s1", "step.unclear", FILES, problem="timeout", retry_at=1.0)
    built.put_files({"a.md": "x"})
    built.do("s1", FILES, {"files": built.rows_of({"a.md": "x"})})
    built.write("s1", "saga.rollback_began", reason="r", failed_step=None)
    built.undo("s1", FILES)
    built.write("s1", "saga.rolled_back", error="r")
    assert built.words("A2") == [Word.ORPHAN]


def test_a_skipped_undo_is_named_with_its_operator() -> None:
    built = Built()
    built.begin("s1", {"a.md": "x"})
    built.do("s1", FILES, {"files": built.rows_of({"a.md": "x"})})
    built.write("s1", "saga.rollback_began", reason="r", failed_step=None)
    built.write("s1", "undo.skipped", FILES, by="ann", reason="disk is gone")
    built.write("s1", "saga.rolled_back", error="r")
    built.put_files({"a.md": "x"})
    assert "skipped by ann: disk is gone" in built.judge()["A2"].findings[0].evidence


def test_projects_do_not_mix() -> None:
    built = Built()
    built.commit("s1", {"a.md": "x"}, project="p1")
    built.roll_back("s2", {"a.md": "y"}, project="p2")
    assert built.verdicts() == ALL_VALID
    built.put_files({"a.md": "x"}, project="p2")
    assert built.verdicts() == ALL_VALID
    built.put_files({"a.md": "y"}, project="p2")
    assert built.judge()["A2"].findings[0].project == "p2"


def test_a_result_that_makes_no_sense_is_no_evidence_and_no_crash() -> None:
    built = Built()
    built.begin("s1", {"a.md": "x"})
    for result in (None, 7, {"files": 3}, {"files": [None, {"filename": 4}]}):
        built.do("s1", FILES, result)
    built.write("s1", "saga.rollback_began", reason="r", failed_step=None)
    built.undo("s1", FILES)
    built.write("s1", "saga.rolled_back", error="r")
    assert built.verdicts()["A1"] == "valid"
    assert sha("x") not in built.disk.get(P, {}).values()
