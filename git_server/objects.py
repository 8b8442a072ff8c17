"""Git's object formats, as far as a snapshot needs them: blobs, trees, one commit, and the pack that carries them.

Everything here is a pure function, so a commit's id is known before anything is written, and the same files, parent and
saga always give the same id. ``git index-pack --strict`` checks every byte of what we build. Formats: gitformat-pack(5)
and the "Git Objects" chapter of Pro Git.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

IDENTITY = "git_server <git_server@saga-testbed.invalid>"
_PACK_TYPES = {"commit": 1, "tree": 2, "blob": 3}
_FAST = 1  # zlib level: a repack compresses better later, off the request's path


@dataclass(frozen=True)
class GitObject:
    """One git object: its kind (``blob``, ``tree`` or ``commit``), content and id (40 hex digits)."""

    kind: str
    body: bytes
    id: str

    @classmethod
    def of(cls, kind: str, body: bytes) -> GitObject:
        """The object with this content."""
        digest = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(body)), usedforsecurity=False)
        digest.update(body)
        return cls(kind, body, digest.hexdigest())


@dataclass(frozen=True)
class CommitText:
    """What a commit says apart from its tree: parent's id or None, message, and date in Unix seconds."""

    parent: str | None
    message: str
    date: int


def snapshot_objects(files: Mapping[str, bytes], text: CommitText) -> list[GitObject]:
    """All objects of one snapshot, the commit last. ``files`` maps paths with ``/`` to contents."""
    folders: dict[str, dict[str, GitObject]] = {"": {}}
    objects = []
    for path, content in files.items():
        folder, _, name = path.rpartition("/")
        blob = GitObject.of("blob", content)
        folders.setdefault(folder, {})[name] = blob
        objects.append(blob)
    objects += _trees(folders)
    return [*objects, _commit(objects[-1].id, text)]


def _trees(folders: dict[str, dict[str, GitObject]]) -> Iterator[GitObject]:
    """One tree per folder, children before parents, the root last."""
    depths = {"/".join(parts[:depth]): depth for parts in map(_parts, folders) for depth in range(len(parts) + 1)}
    for folder in sorted(depths, key=depths.__getitem__, reverse=True):
        tree = _tree(folders.get(folder, {}))
        yield tree
        if folder:
            parent, _, name = folder.rpartition("/")
            folders.setdefault(parent, {})[name] = tree


def _parts(folder: str) -> list[str]:
    return folder.split("/") if folder else []


def _tree(entries: Mapping[str, GitObject]) -> GitObject:
    # git sorts entries by bytes, with folders as if their names ended in "/"
    ordered = sorted(entries.items(), key=lambda entry: entry[0].encode() + b"/" * (entry[1].kind == "tree"))
    rows = (
        (b"40000 " if child.kind == "tree" else b"100644 ") + name.encode() + b"\0" + bytes.fromhex(child.id)
        for name, child in ordered
    )
    return GitObject.of("tree", b"".join(rows))


def _commit(tree: str, text: CommitText) -> GitObject:
    parent = f"parent {text.parent}\n" if text.parent else ""
    who = f"{IDENTITY} {text.date} +0000"
    lines = f"tree {tree}\n{parent}author {who}\ncommitter {who}\n\n{text.message}"
    return GitObject.of("commit", lines.encode())


def pack(objects: Iterable[GitObject]) -> bytes:
    """A version 2 pack file with each object once."""
    unique = list({found.id: found for found in objects}.values())
    body = b"".join([b"PACK", struct.pack(">II", 2, len(unique)), *map(_packed, unique)])
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _packed(item: GitObject) -> bytes:
    size = len(item.body)
    byte = (_PACK_TYPES[item.kind] << 4) | (size & 0x0F)
    header, size = bytearray(), size >> 4
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    header.append(byte)
    return bytes(header) + zlib.compress(item.body, _FAST)
