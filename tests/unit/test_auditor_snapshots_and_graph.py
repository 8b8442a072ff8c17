"""A1 and A2 for snapshots and relationships."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.auditor.facts import RepositoryFacts
from chaos.auditor.verdicts import Word
from tests.unit.auditor_world import LINKS, Built, P, sha, snap, two_sagas


def test_a_snapshot_of_a_rolled_back_saga_is_an_orphan() -> None:
    built = two_sagas()
    built.put_commit("s2", {"a.md": "other", "c.md": "new"})
    (orphan,) = built.judge()["A2"].findings
    assert (orphan.word, orphan.kind, orphan.saga_id) == (Word.ORPHAN, "snapshots", "s2")
    assert built.words("A1") == [Word.LOST_COMPENSATION]


def test_a_naive_saga_that_says_rolled_back_leaves_orphans_of_both_kinds() -> None:
    built = Built()
    files = {"a.md": "x"}
    built.begin("naive", files)
    built.do("naive", "Save relationships", {"count": 0})
    built.do("naive", "Save wiki files", {"files": built.rows_of(files)})
    built.write("naive", "step.started", "Create git snapshot")
    built.write("naive", "step.unclear", "Create git snapshot", problem="timeout", retry_at=None)
    built.write("naive", "saga.rollback_began", reason="timeout", failed_step="Create git snapshot")
    built.undo("naive", "Save wiki files", "Save relationships")
    built.write("naive", "saga.rolled_back", error="timeout")
    built.put_files(files)
    built.put_commit("naive", files)
    result = built.judge()
    assert sorted(finding.kind for finding in result["A2"].findings) == ["files", "snapshots"]
    assert sorted(built.words("A1")) == [Word.FALSE_COMPENSATED, Word.LOST_COMPENSATION]
    assert built.words("A5") == [Word.WRONG_ORDER, Word.WRONG_ORDER, Word.FALSE_COMPENSATED]


def test_a_snapshot_found_by_its_id_alone_belongs_to_its_saga() -> None:
    built = two_sagas()
    built.commits[P][0] = replace(built.commits[P][0], saga_id=None)
    assert built.words("A2") == []
    built.commits[P][0] = replace(built.commits[P][0], snapshot_id=snap("s2"))
    assert built.words("A2") == [Word.ORPHAN]


@pytest.mark.parametrize(
    ("saga_id", "snapshot_id", "said"),
    [(None, None, "names no saga"), ("s9", snap("s9"), "knows no such pair"), ("s1", snap("s2"), "no such pair")],
)
def test_a_commit_of_no_saga_of_the_log_is_an_orphan(saga_id: str, snapshot_id: str, said: str) -> None:
    built = two_sagas()
    built.put_commit(saga_id, {"a.md": "x"}, snapshot_id=snapshot_id, commit="c" * 40)
    (orphan,) = built.judge()["A2"].findings
    assert orphan.word is Word.ORPHAN
    assert said in orphan.evidence


def test_a_snapshot_in_the_repository_of_another_project_is_an_orphan() -> None:
    built = two_sagas()
    built.put_commit("s1", {"a.md": "one", "b.md": "two"}, project="elsewhere")
    (orphan,) = built.judge()["A2"].findings
    assert (orphan.project, orphan.saga_id) == ("elsewhere", "s1")


def test_a_missing_snapshot_is_a_lost_update() -> None:
    built = two_sagas()
    built.commits.clear()
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_a_snapshot_off_main_is_a_lost_update() -> None:
    built = two_sagas()
    built.commits[P][0] = replace(built.commits[P][0], on_main=False)
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_a_snapshot_with_another_commit_than_answered_is_a_lost_update() -> None:
    built = two_sagas()
    built.commits[P][0] = replace(built.commits[P][0], commit="d" * 40)
    assert built.words("A1") == [Word.LOST_UPDATE]


@pytest.mark.parametrize(
    "files", [{"a.md": "one"}, {"a.md": "one", "b.md": "two", "more.md": "x"}, {"a.md": "one", "b.md": "2"}]
)
def test_a_snapshot_must_have_exactly_the_intended_bytes(files: dict[str, str]) -> None:
    built = two_sagas()
    hashes = {name: sha(text) for name, text in files.items()}
    built.commits[P][0] = replace(built.commits[P][0], files=hashes)
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_a_snapshot_with_another_sagas_bytes_is_a_dirty_read() -> None:
    built = two_sagas()
    built.commits[P][0] = replace(built.commits[P][0], files={"a.md": sha("other"), "b.md": sha("two")})
    assert built.words("A1") == [Word.DIRTY_READ]


def test_two_snapshots_of_one_saga_are_a_double_effect() -> None:
    built = two_sagas()
    built.put_commit("s1", {"a.md": "one", "b.md": "two"}, commit="e" * 40)
    assert built.words("A1") == [Word.DOUBLE_EFFECT]


def test_a_ref_to_something_else_than_a_commit_is_an_orphan() -> None:
    built = Built()
    built.repositories["p"] = RepositoryFacts({"refs/tags/x": "b" * 40}, odd_refs={"refs/tags/x": "a blob object"})
    assert built.words("A2") == [Word.ORPHAN]


def test_what_fsck_complains_of_is_corrupt() -> None:
    built = two_sagas()
    built.repositories["p"] = RepositoryFacts(complaints=["error in tree 123: fullPathname"])
    assert built.words("A1") == [Word.CORRUPT]


def test_an_unreadable_repository_is_unknown() -> None:
    built = two_sagas()
    built.repositories[P] = RepositoryFacts(unseen="git died")
    assert {name: built.verdicts()[name] for name in ("A1", "A2", "A4")} == dict.fromkeys(("A1", "A2", "A4"), "unknown")


def test_missing_relationships_are_a_lost_update() -> None:
    built = two_sagas()
    del built.links[0]
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_changed_relationships_are_a_lost_update() -> None:
    built = two_sagas()
    built.links[0] = replace(built.links[0], target="elsewhere.md")
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_a_relationship_saved_twice_is_a_double_effect() -> None:
    built = two_sagas()
    built.links.append(built.links[0])
    assert built.words("A1") == [Word.DOUBLE_EFFECT]


def test_one_link_seen_in_two_places_is_no_double_effect() -> None:
    built = Built()
    built.commit("s1", {"a.md": "x"}, LINKS[:1])
    built.links.append(replace(built.links[0], evidence="line 7"))
    assert built.verdicts()["A1"] == "valid"
    built.links.append(built.links[-1])
    assert built.words("A1") == [Word.DOUBLE_EFFECT]


def test_a_relationship_of_a_committed_saga_in_another_project_is_found() -> None:
    built = two_sagas()
    built.links[0] = replace(built.links[0], project="elsewhere")
    assert built.words("A1") == [Word.LOST_UPDATE]


def test_relationships_of_a_rolled_back_saga_are_orphans_one_by_one() -> None:
    built = two_sagas()
    built.put_links("s2", LINKS)
    assert built.words("A2") == [Word.ORPHAN, Word.ORPHAN]
    assert {finding.kind for finding in built.judge()["A2"].findings} == {"relationships"}
    assert built.words("A1") == [Word.LOST_COMPENSATION]


def test_relationships_of_a_saga_that_is_in_no_log_are_orphans() -> None:
    built = two_sagas()
    built.put_links("ghost", LINKS[:1])
    (orphan,) = built.judge()["A2"].findings
    assert "is in no log" in orphan.evidence


def test_a_page_that_a_saga_made_and_nothing_refers_to_is_an_orphan() -> None:
    built = two_sagas()
    built.lonely_pages = [(P, "by-hand.md", None)]
    assert built.words("A2") == []
    built.lonely_pages.append((P, "c.md", "s2"))
    (orphan,) = built.judge()["A2"].findings
    assert (orphan.kind, orphan.subject) == ("pages", "c.md")
