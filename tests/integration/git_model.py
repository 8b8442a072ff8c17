"""What git_server must do, written a second time: a few dictionaries, no git, none of its code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

Answer = tuple[int, object]  # status; the problem's type word, or the body of a 201
Wanted = tuple[tuple[str, str], ...]  # file names with the sha256 that the saga intended, by name


def wanted(contents: Mapping[str, bytes]) -> Wanted:
    """What a saga asks for that wrote these files."""
    return tuple(sorted((name, hashlib.sha256(content).hexdigest()) for name, content in contents.items()))


@dataclass
class Saga:
    state: str = "open"
    asked: Wanted | None = None  # None: only its compensation came
    answer: object = None


@dataclass
class GitModel:
    """What each saga did, and which commits ``main`` must have, oldest first, with the files of each."""

    sagas: dict[str, Saga] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    trees: dict[str, dict[str, str]] = field(default_factory=dict)

    def state(self, saga_id: str) -> str | None:
        found = self.sagas.get(saga_id)
        return found.state if found else None

    def holder(self) -> str | None:
        return next((saga_id for saga_id, saga in self.sagas.items() if saga.state == "open"), None)

    def snapshot(self, saga_id: str, asked: Wanted, disk: Mapping[str, bytes], cut: int | None = None) -> Answer | None:
        """What a snapshot must be answered; None: it is new, ``made`` takes the answer.

        Args:
            disk: the files as filesystem_server has them now.
            cut: the number of the read that fails, counted from 0 in the order of the names.
        """
        known = self.sagas.get(saga_id)
        if known is not None and known.state == "undone":
            return 409, "saga-compensated"
        if known is not None:
            return (201, known.answer) if known.asked == asked else (409, "conflict")
        if self.holder() is not None:
            return 409, "locked"
        for number, (name, sha256) in enumerate(asked):
            if number == cut:
                return 503, "filesystem-unavailable"
            if name not in disk:
                return 409, "file-missing"
            if hashlib.sha256(disk[name]).hexdigest() != sha256:
                return 409, "hash-mismatch"
        return None

    def made(self, saga_id: str, asked: Wanted, answer: object, commit: str) -> None:
        """A new snapshot was answered."""
        self.sagas[saga_id] = Saga("open", asked, answer)
        self.history.append(commit)
        self.trees[commit] = dict(asked)

    def undo(self, saga_id: str) -> Answer:
        saga = self.sagas.setdefault(saga_id, Saga("new"))
        if saga.state == "confirmed":
            return 409, "conflict"
        if saga.state == "open":
            self.history.pop()
        saga.state = "undone"
        return 204, None

    def confirm(self, saga_id: str) -> Answer:
        state = self.state(saga_id)
        if state == "undone":
            return 409, "saga-compensated"
        if state == "open":
            self.sagas[saga_id].state = "confirmed"
        return 200, None
