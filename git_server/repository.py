"""One bare repository per project, driven through git's plumbing. No HTTP, no sagas."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from git_server import disk, objects
from git_server.git import Git, GitFailed

log = logging.getLogger(__name__)

BRANCH = "refs/heads/main"
NO_COMMIT = "0" * 40  # how update-ref writes "there is no such ref"
DRAFTS = ".new"
GARBAGE_MARK = "garbage"  # a file: a killed writer or an undo left unreachable objects; its time says when
MANY_PACKS = 50  # a snapshot adds one pack; git's own gc.autoPackLimit
_LOG_FORMAT = "%H%x00%P%x00%ct%x00%B"


class ObjectsRefused(Exception):
    """``git index-pack --strict`` found the objects malformed: a file name that git clients must not see."""


@dataclass(frozen=True)
class Head:
    """Where ``main`` points: the commit's id and its date in Unix seconds."""

    id: str
    date: int


@dataclass(frozen=True)
class Commit:
    """One commit: its id, its parent's or None, date in Unix seconds, and whole message."""

    id: str
    parent: str | None
    date: int
    message: str


@dataclass(frozen=True)
class TreeFile:
    """One file of a commit: path, size in bytes, sha256 of the bytes that git stores."""

    filename: str
    size: int
    sha256: str


class Repository:
    """The repository of one project. Whoever writes holds the project's lock and passes its descriptor as ``keep``."""

    def __init__(self, path: Path, git: Git) -> None:
        self.path = path
        self.git = git

    def exists(self) -> bool:
        return self.path.is_dir()

    def create(self, keep: int) -> None:
        """Make the empty repository appear in one step, complete and on disk; without effect when it is there."""
        if self.exists():
            return
        self.discard_draft()
        self.draft.mkdir(parents=True)
        self.git.run(self.draft, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", keep=[keep])
        disk.sync_tree(self.draft)
        self.draft.rename(self.path)
        disk.sync(self.path.parent)

    @property
    def draft(self) -> Path:
        """Where the repository is while it is being made."""
        return self.path.parent / DRAFTS / self.path.name

    def discard_draft(self) -> None:
        """Remove what a killed worker left of a repository that it was making."""
        if self.draft.exists():
            shutil.rmtree(self.draft)

    def main(self) -> Head | None:
        """The commit that ``main`` points to, or None when there is no snapshot."""
        out = self.git.run(self.path, "for-each-ref", "--format=%(objectname) %(committerdate:unix)", BRANCH)
        commit, _, date = out.decode().strip().partition(" ")
        return Head(commit, int(date)) if commit else None

    def history(self, *, skip: int = 0, limit: int) -> list[Commit]:
        """The commits of ``main``, newest first."""
        return self._log(f"--skip={skip}", f"--max-count={limit}")

    def find(self, message_line: str) -> list[Commit]:
        """The commits of ``main`` whose message holds ``message_line`` somewhere."""
        return self._log("--fixed-strings", f"--grep={message_line}")

    def _log(self, *options: str) -> list[Commit]:
        if not self.exists() or self.main() is None:
            return []
        out = self.git.run(self.path, "log", "-z", f"--format=tformat:{_LOG_FORMAT}", *options, BRANCH, "--")
        fields = out.decode(errors="replace").split("\0")
        rows = zip(*[iter(fields)] * 4, strict=False)  # the last NUL leaves one empty field over
        return [Commit(commit, parent or None, int(date), message) for commit, parent, date, message in rows]

    def tree(self, commit: str) -> list[TreeFile]:
        """The files of ``commit``, by name."""
        rows = self.git.run(self.path, "ls-tree", "-r", "-z", commit, "--").decode(errors="replace").split("\0")[:-1]
        blobs = [row.partition("\t")[0].split()[2] for row in rows]
        contents = self._contents(blobs)
        return [
            TreeFile(row.partition("\t")[2], len(content), hashlib.sha256(content).hexdigest())
            for row, content in zip(rows, contents, strict=True)
        ]

    def _contents(self, blobs: Sequence[str]) -> Iterator[bytes]:
        wanted = "".join(f"{blob}\n" for blob in blobs).encode()
        out = self.git.run(self.path, "cat-file", "--batch=%(objectsize)", stdin=wanted)
        start = 0
        for _ in blobs:
            end = out.index(b"\n", start)
            size = int(out[start:end])
            yield out[end + 1 : end + 1 + size]
            start = end + size + 2

    def store(self, items: Sequence[objects.GitObject], keep: int) -> None:
        """Write objects as one pack; they are on disk, and checked by git, when this returns.

        Raises:
            ObjectsRefused: git would not accept them from a client either.
        """
        try:
            self.git.run(self.path, "index-pack", "--stdin", "--strict", stdin=objects.pack(items), keep=[keep])
        except GitFailed as failed:
            raise (ObjectsRefused(failed.reason) if "fsck error" in failed.reason else failed) from None
        disk.sync(self.path / "objects" / "pack")

    def move_main(self, old: str | None, new: str | None, keep: int) -> None:
        """Point ``main`` from ``old`` to ``new`` (None: no branch), on disk when this returns. Safe to repeat.

        Raises:
            GitFailed: ``main`` is at neither of the two: somebody else wrote to the repository.
        """
        self._remove_stale_locks()
        try:
            self.git.run(self.path, "update-ref", BRANCH, new or NO_COMMIT, old or NO_COMMIT, keep=[keep])
        except GitFailed:
            head = self.main()
            if (head.id if head else None) != new:
                raise
            self._remove_stale_locks()  # git was killed when the ref had moved already
        disk.sync(self.path / "refs" / "heads")

    def _remove_stale_locks(self) -> None:
        """A git process that was killed leaves its lock files; under the project's lock nobody alive owns one."""
        for folder in ("", "refs/heads", "objects/info", "objects/pack"):
            for stale in (self.path / folder).glob("*.lock"):
                log.warning("removing %s, which a killed git left", stale.name)
                stale.unlink(missing_ok=True)

    def expect_garbage(self) -> None:
        """Leave a mark: from now on there may be objects that nothing refers to."""
        (self.path / GARBAGE_MARK).touch()

    @contextmanager
    def garbage_expected(self) -> Iterator[None]:
        """Leave the mark while objects are written that nothing refers to yet; it stays if the block fails or dies."""
        had_mark = (self.path / GARBAGE_MARK).exists()
        self.expect_garbage()
        yield
        if not had_mark:
            (self.path / GARBAGE_MARK).unlink(missing_ok=True)

    def needs_cleaning(self, grace: float, now: float) -> bool:
        """Whether there are many packs, or garbage that is older than ``grace`` seconds (``now``: Unix seconds)."""
        if not self.exists():
            return self.draft.exists()
        return self._garbage_is_due(grace, now) or self._packs() > MANY_PACKS

    def _garbage_is_due(self, grace: float, now: float) -> bool:
        mark = self.path / GARBAGE_MARK
        return mark.exists() and mark.stat().st_mtime + grace <= now

    def _packs(self) -> int:
        return sum(1 for _ in (self.path / "objects" / "pack").glob("*.pack"))

    def clean(self, grace: float, now: float, keep: int) -> None:
        """One pack for all that is reachable; what has been unreachable for ``grace`` seconds goes."""
        self.discard_draft()
        if not self.exists():
            return
        all_goes = self._garbage_is_due(grace, now)
        self._remove_stale_locks()
        self.git.run(self.path, "gc", "--quiet", "--force", f"--prune={grace:.0f}.seconds.ago", keep=[keep])
        if all_goes:
            (self.path / GARBAGE_MARK).unlink(missing_ok=True)


class Repositories:
    """All repositories below ``root``: ``<root>/<project>.git``."""

    def __init__(self, root: Path, git: Git) -> None:
        self.root = root
        self.git = git

    def of(self, project: str) -> Repository:
        """The project's repository, which may not exist yet. ``project`` is a checked name."""
        return Repository(self.root / f"{project}.git", self.git)

    def projects(self) -> list[str]:
        """The projects that have a repository, or the draft of one."""
        found = [*self.root.glob("[!.]*.git"), *self.root.glob(f"{DRAFTS}/*.git")]
        return sorted({path.name.removesuffix(".git") for path in found})
