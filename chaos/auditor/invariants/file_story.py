"""What must be in the place of one file, told by the log alone: commits, and what sagas found there before they wrote.

Sagas of one project follow each other (R11), so their records in the log's order are the file's history::

    saga A committed (bytes a) ─ saga B found x, rolled back ─▶ x must be back: somebody wrote x without a saga
    saga A committed (bytes a) ─ saga B (answer lost), rolled back ─▶ a must be back
    saga B found x, and x is what rolled-back saga O meant to write ─▶ x is O's orphan, and proves nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chaos.auditor.sagas import Replaced, Saga


@dataclass
class FileStory:
    """One file of one project.

    Attributes:
        known: whether the log tells what must be there at all.
        sha256: what must be there; None: no file. Only when ``known``.
        owner: the saga whose record says so.
        claims: sagas that meant to write here and are not committed, in the log's order, with what they meant to write.
    """

    known: bool = False
    sha256: str | None = None
    owner: Saga | None = None
    claims: list[tuple[Saga, str]] = field(default_factory=list)

    def culprit(self, actual: str | None) -> Saga | None:
        """The last saga, not committed, that meant to write ``actual`` here, where it must not be."""
        if actual is None or (self.known and actual == self.sha256):
            return None
        return next((saga for saga, intended in reversed(self.claims) if intended == actual), None)

    def last_intruder(self) -> Saga | None:
        """The last uncommitted saga that came after what must be there."""
        since = (self.owner.committed if self.owner else None) or 0
        later = [saga for saga, _ in self.claims if (saga.begun or 0) > since]
        return later[-1] if later else None


def tell_stories(sagas: Iterable[Saga]) -> dict[str, FileStory]:
    """The story of every file that one of these sagas (of one project) names."""
    stories: dict[str, FileStory] = {}
    for _, _, saga, name, happened in sorted(_records(sagas), key=lambda record: record[:2]):
        story = stories.setdefault(name, FileStory())
        if isinstance(happened, Replaced):
            _learn(story, saga, name, happened)
        elif happened == "committed":
            story.known, story.sha256, story.owner = True, saga.files[name], saga
        elif not saga.is_committed:
            story.claims.append((saga, saga.files[name]))
    return stories


def _records(sagas: Iterable[Saga]) -> Iterable[tuple[int, int, Saga, str, str | Replaced]]:
    number = 0
    for saga in sagas:
        found: Mapping[str, Replaced] = saga.replaced
        for name in saga.files:
            number += 1  # keeps the sort from ever comparing sagas
            yield saga.begun or 0, number, saga, name, "begun"
            if name in found:
                yield found[name].position, number, saga, name, found[name]
            if saga.committed is not None:
                yield saga.committed, number, saga, name, "committed"


def _learn(story: FileStory, saga: Saga, name: str, found: Replaced) -> None:
    """The saga saw what was there. Not believed if it is an orphan, or may be what the saga itself had just written."""
    if story.known and found.sha256 == story.sha256:
        return
    if any(intended == found.sha256 and other is not saga for other, intended in story.claims):
        return
    if found.attempts > 1 and found.sha256 == saga.files.get(name):
        return
    story.known, story.sha256, story.owner = True, found.sha256, saga
