"""git_server's repositories: every ref, every commit that a ref leads to, every file of every commit, hashed by us."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from chaos.auditor.collectors.git_process import MISSING, GitTrouble, ObjectReader, run
from chaos.auditor.facts import CommitFacts, RepositoryFacts

MAIN = "refs/heads/main"
SUFFIX = ".git"
_AT_ONCE = max(2, os.cpu_count() or 2)
_TREE, _LINK = "40000", "160000"
_SAGA, _SNAPSHOT = "Saga-Id: ", "Snapshot-Id: "


def read_repositories(
    root: Path, project: str | None = None, done: Callable[[int, int], None] | None = None
) -> dict[str, RepositoryFacts]:
    """Project to what is in ``root/<project>.git``.

    Args:
        done: told how many of how many repositories are read.

    Raises:
        OSError: ``root`` cannot be listed.
    """
    found = sorted(path for path in root.iterdir() if path.name.endswith(SUFFIX) and not path.name.startswith("."))
    paths = {path.name.removesuffix(SUFFIX): path for path in found if path.is_dir()}
    if project is not None:
        paths = {name: path for name, path in paths.items() if name == project}
    facts: dict[str, RepositoryFacts] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, one in zip(paths, pool.map(_read_twice, paths.values()), strict=True):
            facts[name] = one
            if done is not None:
                done(len(facts), len(paths))
    return facts


def _read_twice(path: Path) -> RepositoryFacts:
    """A repack takes packs away under the reader's hands, so trouble and complaints count only the second time."""
    facts = _read(path)
    return _read(path) if facts.unseen or facts.complaints else facts


def _read(path: Path) -> RepositoryFacts:
    try:
        refs = _refs(path)
        with ObjectReader(path) as reader:
            walk = _Walk(reader)
            walk.follow(refs)
        return RepositoryFacts(refs, walk.facts(refs.get(MAIN)), walk.odd_refs, _fsck(path))
    except (GitTrouble, OSError) as error:
        return RepositoryFacts(unseen=str(error))


def _refs(path: Path) -> dict[str, str]:
    """Every ref and what it points to; a detached HEAD is one, too."""
    status, out, complaint = run(path, "for-each-ref", "--format=%(objectname) %(refname)")
    if status:
        raise GitTrouble(f"for-each-ref: {complaint.strip().splitlines()[-1:]}")
    refs = {name: oid for oid, _, name in (line.partition(" ") for line in out.splitlines())}
    head = (path / "HEAD").read_text(errors="replace").strip()
    if head and not head.startswith("ref:"):
        refs["HEAD"] = head
    return refs


def _fsck(path: Path) -> tuple[str, ...]:
    """Complaints about the repository; unreachable objects are none, an undone snapshot leaves some."""
    status, out, complaints = run(path, "fsck", "--strict", "--no-dangling", "--no-progress")
    lines = [line for line in (*out.splitlines(), *complaints.splitlines()) if not line.startswith("notice:")]
    if status and not lines:
        lines = [f"exit status {status}"]
    return tuple(lines) if status else ()


@dataclass
class _Commit:
    tree: str
    parents: list[str]
    message: str


@dataclass
class _Walk:
    """Follows refs to commits, trees and blobs; every object is read once."""

    reader: ObjectReader
    commits: dict[str, _Commit] = field(default_factory=dict)
    trees: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)  # mode, name, id
    hashes: dict[str, str] = field(default_factory=dict)
    odd_refs: dict[str, str] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)  # tree -> path -> sha256

    def follow(self, refs: Mapping[str, str]) -> None:
        """Read all that ``refs`` lead to."""
        heads = self._peel(refs)
        ahead = list(dict.fromkeys(heads))
        while ahead:
            self._read_commits(ahead)
            parents = (parent for oid in ahead if oid in self.commits for parent in self.commits[oid].parents)
            ahead = [oid for oid in dict.fromkeys(parents) if oid not in self.commits]
        self._read_trees()
        self._read_blobs()

    def _peel(self, refs: Mapping[str, str]) -> Iterator[str]:
        """The commits behind the refs, through annotated tags; what leads elsewhere is odd."""
        for name, oid in refs.items():
            target, kind, content = next(self.reader.read([oid]))
            while kind == "tag":
                target, kind, content = next(self.reader.read([content.split(b"\n", 1)[0].split()[1].decode()]))
            if kind == "commit":
                yield target
            else:
                self.odd_refs[name] = f"a {kind} object {target}"

    def _read_commits(self, ids: list[str]) -> None:
        for oid, kind, content in self.reader.read(ids):
            if kind == "commit":
                self.commits[oid] = _parse_commit(content)
            elif kind == MISSING:
                self.commits[oid] = _Commit("", [], "")  # fsck complains of it

    def _read_trees(self) -> None:
        ahead = list(dict.fromkeys(commit.tree for commit in self.commits.values() if commit.tree))
        while ahead:
            for oid, kind, content in self.reader.read(ahead):
                self.trees[oid] = list(_parse_tree(content, len(oid) // 2)) if kind == "tree" else []
            below = (oid for tree in ahead for mode, _, oid in self.trees[tree] if mode == _TREE)
            ahead = [oid for oid in dict.fromkeys(below) if oid not in self.trees]

    def _read_blobs(self) -> None:
        entries = (entry for tree in self.trees.values() for entry in tree)
        blobs = dict.fromkeys(oid for mode, _, oid in entries if mode not in (_TREE, _LINK))
        for oid, kind, content in self.reader.read(list(blobs)):
            self.hashes[oid] = hashlib.sha256(content).hexdigest() if kind == "blob" else kind

    def facts(self, main: str | None) -> list[CommitFacts]:
        """The commits with their files; those without a tree cannot be read and are left to fsck."""
        on_main = self._ancestry(main)
        return [
            CommitFacts(oid, *_trailers(commit.message), self._files(commit.tree), oid in on_main)
            for oid, commit in self.commits.items()
        ]

    def _ancestry(self, head: str | None) -> set[str]:
        seen: set[str] = set()
        ahead = [head] if head else []
        while ahead:
            oid = ahead.pop()
            if oid not in seen and oid in self.commits:
                seen.add(oid)
                ahead += self.commits[oid].parents
        return seen

    def _files(self, tree: str) -> dict[str, str]:
        if tree not in self.files:
            self.files[tree] = dict(self._listed(tree, ""))
        return self.files[tree]

    def _listed(self, tree: str, folder: str) -> Iterator[tuple[str, str]]:
        for mode, name, oid in self.trees.get(tree, ()):
            if mode == _TREE:
                yield from self._listed(oid, f"{folder}{name}/")
            else:
                yield folder + name, self.hashes.get(oid, "a submodule")


def _parse_commit(content: bytes) -> _Commit:
    head, _, message = content.decode(errors="replace").partition("\n\n")
    lines: Iterable[list[str]] = (line.split(" ", 1) for line in head.split("\n"))
    pairs = [(line[0], line[1]) for line in lines if len(line) == 2]
    tree = next((value for key, value in pairs if key == "tree"), "")
    return _Commit(tree, [value for key, value in pairs if key == "parent"], message)


def _parse_tree(content: bytes, id_bytes: int) -> Iterator[tuple[str, str, str]]:
    place = 0
    while place < len(content):
        space = content.index(b" ", place)
        nul = content.index(b"\0", space)
        end = nul + 1 + id_bytes
        name = content[space + 1 : nul].decode(errors="surrogateescape")
        yield content[place:space].decode(), name, content[nul + 1 : end].hex()
        place = end


def _trailers(message: str) -> tuple[str | None, str | None]:
    """Saga id and snapshot id; only the last two lines count, so that no message can pretend (git_server's README)."""
    last = message.rstrip("\n").split("\n")[-2:]
    saga = next((line.removeprefix(_SAGA) for line in last if line.startswith(_SAGA)), None)
    snapshot = next((line.removeprefix(_SNAPSHOT) for line in last if line.startswith(_SNAPSHOT)), None)
    return saga, snapshot
