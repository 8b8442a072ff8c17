"""What a snapshot is: its id, its request, its commit message, and how both sides name the same thing the same way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from git_server.repository import Commit, Head

FIRST_DATE = 1_577_836_800  # 2020-01-01T00:00:00Z: the first commit's date when the saga states none
_SAGA = "Saga-Id: "
_SNAPSHOT = "Snapshot-Id: "


def snapshot_id_of(saga_id: str) -> str:
    """``"snap-"`` and the first 16 hex digits of the saga id's SHA-256: known even when the answer was lost."""
    return f"snap-{hashlib.sha256(saga_id.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Wanted:
    """One request for a snapshot.

    Attributes:
        files: path to sha256 (64 lower-case hex digits) of the content that the saga intended.
        date: Unix seconds for author and committer, or None: one second after the parent's.
    """

    saga_id: str
    message: str
    files: Mapping[str, str]
    date: int | None = None

    def fingerprint(self) -> str:
        """The same for the same content, whatever the order of the files."""
        content = json.dumps([self.message, self.date, sorted(self.files.items())], ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def commit_date(self, parent: Head | None) -> int:
        """Never the clock: the same files, parent and saga must give the same commit id."""
        if self.date is not None:
            return self.date
        return parent.date + 1 if parent else FIRST_DATE

    def commit_message(self) -> str:
        """The message, with the saga and the snapshot as trailers in its last two lines."""
        return f"{self.message.rstrip()}\n\n{_SAGA}{self.saga_id}\n{snapshot_line(snapshot_id_of(self.saga_id))}\n"


def snapshot_line(snapshot_id: str) -> str:
    """The line by which a snapshot's commit is found in the history."""
    return f"{_SNAPSHOT}{snapshot_id}"


@dataclass(frozen=True)
class Snapshot:
    """One commit of ``main`` as a snapshot. A commit made by hand has no saga, and its own id as snapshot id."""

    snapshot_id: str
    commit: str
    parent: str | None
    saga_id: str | None
    message: str
    date: int

    @classmethod
    def of(cls, commit: Commit) -> Snapshot:
        """Read the trailers back; only the last two lines count, so a message cannot pretend to be another's."""
        lines = commit.message.rstrip("\n").split("\n")
        if len(lines) >= 3 and lines[-2].startswith(_SAGA) and lines[-1].startswith(_SNAPSHOT):
            saga_id, snapshot_id = lines[-2].removeprefix(_SAGA), lines[-1].removeprefix(_SNAPSHOT)
            message = "\n".join(lines[:-3])
            return cls(snapshot_id, commit.id, commit.parent, saga_id, message, commit.date)
        return cls(commit.id, commit.id, commit.parent, None, commit.message, commit.date)
