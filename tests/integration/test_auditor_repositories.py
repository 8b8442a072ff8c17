"""What the auditor sees of git_server's repositories with its own eyes: real ones, made and damaged by the test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from chaos.auditor.collectors.repositories import read_repositories
from tests.integration.auditor_git import commit, git
from tests.integration.auditor_log import sha, snap


def test_every_commit_of_every_ref_is_read_with_its_saga_and_its_bytes(tmp_path: Path) -> None:
    repository = tmp_path / "p.git"
    first = commit(repository, {"a.md": "one", "deep/er/ü.md": "two"}, "s1")
    second = commit(repository, {"a.md": "one"}, "s2")
    tagged = commit(repository, {"b.md": "x"}, "s3", ref="refs/heads/side")
    git(repository, "tag", "-a", "-m", "t", "v1", tagged)
    git(repository, "update-ref", "-d", "refs/heads/side")
    facts = read_repositories(tmp_path)["p"]
    assert facts.complaints == ()
    assert {row.commit: (row.saga_id, row.snapshot_id, row.on_main) for row in facts.commits} == {
        first: ("s1", snap("s1"), True),
        second: ("s2", snap("s2"), True),
        tagged: ("s3", snap("s3"), False),
    }
    assert {row.commit: row.files for row in facts.commits}[first] == {"a.md": sha("one"), "deep/er/ü.md": sha("two")}
    assert set(facts.refs) == {"refs/heads/main", "refs/tags/v1"}


def test_packed_refs_a_detached_head_and_odd_refs_are_seen(tmp_path: Path) -> None:
    repository = tmp_path / "p.git"
    commit(repository, {"a.md": "one"}, "s1")
    loose = commit(repository, {"b.md": "x"}, None, ref="refs/heads/side")
    blob = git(repository, "hash-object", "-w", "--stdin", stdin="blob")
    git(repository, "update-ref", "refs/odd/blob", blob)
    git(repository, "pack-refs", "--all")
    git(repository, "update-ref", "-d", "refs/heads/side")
    (repository / "HEAD").write_text(loose + "\n")
    facts = read_repositories(tmp_path)["p"]
    assert {row.commit for row in facts.commits} >= {loose}
    assert facts.odd_refs == {"refs/odd/blob": f"a blob object {blob}"}


def test_a_message_cannot_pretend_to_be_of_another_saga(tmp_path: Path) -> None:
    commit(tmp_path / "p.git", {"a.md": "one"}, "s1\nSaga-Id: s2")
    (row,) = read_repositories(tmp_path)["p"].commits
    assert row.saga_id == "s2"
    assert row.snapshot_id != snap("s2")


def test_unreachable_objects_are_no_complaint(tmp_path: Path) -> None:
    repository = tmp_path / "p.git"
    first = commit(repository, {"a.md": "one"}, "s1")
    commit(repository, {"a.md": "two"}, "s2")
    git(repository, "update-ref", "refs/heads/main", first)
    facts = read_repositories(tmp_path)["p"]
    assert (len(facts.commits), facts.complaints) == (1, ())


def test_a_flipped_or_missing_object_is_complained_of(tmp_path: Path) -> None:
    repository = tmp_path / "p.git"
    commit(repository, {"a.md": "one"}, "s1")
    blob = git(repository, "rev-parse", "refs/heads/main:a.md")
    for pack in (repository / "objects" / "pack").glob("*.pack"):
        content = pack.read_bytes()
        pack.unlink()
        subprocess.run(["git", f"--git-dir={repository}", "unpack-objects", "-q"], input=content, check=True)
    (repository / "objects" / blob[:2] / blob[2:]).unlink()
    facts = read_repositories(tmp_path)["p"]
    assert any("missing blob" in complaint for complaint in facts.complaints)
    assert facts.commits[0].files == {"a.md": "missing"}


def test_a_folder_that_is_no_repository_is_not_seen_through(tmp_path: Path) -> None:
    (tmp_path / "p.git").mkdir()
    assert read_repositories(tmp_path)["p"].unseen


def test_many_objects_pass_through_one_process_without_a_deadlock(tmp_path: Path) -> None:
    files = {f"f{number:04}.md": f"{number}\n" * 400 for number in range(1500)}
    commit(tmp_path / "p.git", files, "s1")
    (row,) = read_repositories(tmp_path)["p"].commits
    assert row.files == {name: sha(text) for name, text in files.items()}


def test_users_settings_do_not_reach_the_auditors_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "data" / "p.git"
    repository.parent.mkdir()
    real = commit(repository, {"a.md": "one"}, "s1")
    other = commit(repository, {"a.md": "two"}, "s2", ref="refs/heads/side")
    git(repository, "update-ref", "-d", "refs/heads/side")
    git(repository, "update-ref", f"refs/replace/{real}", other)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "elsewhere"))
    facts = read_repositories(repository.parent)["p"]
    assert {row.saga_id: row.files for row in facts.commits}["s1"] == {"a.md": sha("one")}
