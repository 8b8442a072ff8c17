"""Ids, fingerprints and messages that both sides of the wire derive alike."""

from __future__ import annotations

import hashlib

import pytest

from git_server.repository import Commit, Head
from git_server.snapshots import FIRST_DATE, Snapshot, Wanted, snapshot_id_of

FILES = {"a": "1" * 64, "b": "2" * 64}


def test_the_snapshot_id_follows_from_the_saga_id_alone() -> None:
    assert snapshot_id_of("wiki-p-1") == "snap-" + hashlib.sha256(b"wiki-p-1").hexdigest()[:16]


def test_the_fingerprint_ignores_order_and_nothing_else() -> None:
    wanted = Wanted("s", "m", FILES)
    assert Wanted("s", "m", dict(reversed(FILES.items()))).fingerprint() == wanted.fingerprint()
    others = [Wanted("s", "n", FILES), Wanted("s", "m", {"a": "1" * 64}), Wanted("s", "m", FILES, 5)]
    assert wanted.fingerprint() not in {other.fingerprint() for other in others}


@pytest.mark.parametrize(
    ("stated", "parent", "date"),
    [(None, None, FIRST_DATE), (None, Head("c", 100), 101), (7, None, 7), (7, Head("c", 100), 7)],
)
def test_the_date_is_never_the_clocks(stated: int | None, parent: Head | None, date: int) -> None:
    assert Wanted("s", "m", FILES, stated).commit_date(parent) == date


@pytest.mark.parametrize("message", ["one line", "two\n\nparagraphs\n", "a\n\nSaga-Id: fake\nSnapshot-Id: snap-fake"])
def test_a_commit_tells_its_saga_and_its_message_back(message: str) -> None:
    text = Wanted("saga-1", message, FILES).commit_message()
    found = Snapshot.of(Commit("c" * 40, None, 5, text))
    assert (found.saga_id, found.snapshot_id, found.message) == ("saga-1", snapshot_id_of("saga-1"), message.rstrip())


def test_a_commit_made_by_hand_has_no_saga() -> None:
    found = Snapshot.of(Commit("c" * 40, "p" * 40, 5, "Fix a typo\n"))
    assert (found.saga_id, found.snapshot_id, found.message) == (None, "c" * 40, "Fix a typo\n")
