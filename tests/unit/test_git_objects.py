"""Git's formats are frozen, so the ids that everybody's git gives are written down here."""

from __future__ import annotations

import hashlib
import struct
import zlib

import pytest

from git_server.objects import CommitText, GitObject, pack, snapshot_objects

TEXT = CommitText(parent=None, message="first\n", date=1_700_000_000)


@pytest.mark.parametrize(
    ("kind", "body", "known"),
    [
        ("blob", b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        ("blob", b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
        ("tree", b"", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
    ],
)
def test_ids_are_those_of_git(kind: str, body: bytes, known: str) -> None:
    assert GitObject.of(kind, body).id == known


def test_a_folder_sorts_as_if_its_name_ended_in_a_slash() -> None:
    """The classic trap of tree objects: ``a.md`` < ``a/`` < ``a0``."""
    *_, tree, _ = snapshot_objects({"a0": b"", "a/x": b"", "a.md": b""}, TEXT)
    assert tree.body.index(b"a.md\0") < tree.body.index(b"40000 a\0") < tree.body.index(b"a0\0")


def test_folders_that_only_hold_folders_get_their_trees() -> None:
    kinds = [item.kind for item in snapshot_objects({"a/b/c/d.md": b"x"}, TEXT)]
    assert kinds == ["blob", "tree", "tree", "tree", "tree", "commit"]


def test_the_commit_depends_on_files_parent_message_and_date_only() -> None:
    commit = snapshot_objects({"a": b"1", "b/c": b"2"}, TEXT)[-1].id
    assert snapshot_objects({"b/c": b"2", "a": b"1"}, TEXT)[-1].id == commit
    for other in (
        snapshot_objects({"a": b"1", "b/c": b"3"}, TEXT),
        snapshot_objects({"a": b"1", "b/c": b"2"}, CommitText("f" * 40, TEXT.message, TEXT.date)),
        snapshot_objects({"a": b"1", "b/c": b"2"}, CommitText(None, "other", TEXT.date)),
        snapshot_objects({"a": b"1", "b/c": b"2"}, CommitText(None, TEXT.message, 1)),
    ):
        assert other[-1].id != commit


def test_a_pack_holds_each_object_once_and_ends_with_its_sum() -> None:
    objects = snapshot_objects({"a": b"same", "b": b"same", "c": b"x" * 5_000}, TEXT)
    packed = pack(objects)
    assert struct.unpack(">4sII", packed[:12]) == (b"PACK", 2, 4)
    assert hashlib.sha1(packed[:-20]).digest() == packed[-20:]  # the sum that the format asks for
    assert packed[12] == (3 << 4) | 4  # a blob of four bytes
    assert zlib.decompressobj().decompress(packed[13:]) == b"same"
