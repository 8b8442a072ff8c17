"""Reading documents: from a folder, or from the language reference that ships with CPython."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from backend.wiki import formats
from backend.wiki.records import MAX_DOCUMENT_BYTES, Document, MalformedDocument, SkippedDocument, UnknownCorpus

__all__ = ["Document", "MalformedDocument", "SkippedDocument", "UnknownCorpus", "read_corpus", "read_folder"]

CORPORA = ("python-topics",)


def read_corpus(name: str) -> list[Document]:
    """The documents of a built-in corpus, ordered by id. Raises UnknownCorpus, which names those that exist."""
    if name != "python-topics":
        raise UnknownCorpus(f"no corpus {name!r}; there is: {', '.join(CORPORA)}")
    from pydoc_data.topics import topics

    related = _related_topics(topics)
    return [_topic(label, topics[label], [topics[other] for other in related[label]]) for label in sorted(topics)]


def read_folder(path: Path) -> tuple[list[Document], list[SkippedDocument]]:
    """Every .md, .markdown, .rst and .txt file below `path`, and those that cannot be read, both ordered by id.

    Hidden folders and symbolic links to folders are named as skipped and not entered; a link to a file counts when the
    file lies below `path`. Raises NotADirectoryError.
    """
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is not a folder")
    root = path.resolve()
    results = list(_walk(root))
    documents = sorted(result for result in results if isinstance(result, Document))
    return documents, sorted(result for result in results if isinstance(result, SkippedDocument))


def _topic(label: str, text: str, related: list[str]) -> Document:
    """The related topics are appended in the very form in which the topics themselves say "See also"."""
    if related:
        titles = "".join(f"  * {_first_line(other)}\n" for other in related)
        text = f"{text.rstrip()}\n\nSee also:\n\n{titles}"
    return Document(label, _first_line(text), "text", text, f"python-topics:{label}")


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0].strip()


def _related_topics(topics: Mapping[str, str]) -> dict[str, list[str]]:
    """For each topic those that `help()` calls related. pydoc's tables name topics, keywords and their synonyms."""
    import pydoc

    entries: dict[str, str | tuple[str, ...]] = {**pydoc.Helper.keywords, **pydoc.Helper.topics}
    related: dict[str, list[str]] = {label: [] for label in topics}
    for entry in entries.values():
        if isinstance(entry, tuple) and entry[0] in topics:
            label, words = entry[0], entry[1]
            others = [_topic_label(word, entries) for word in words.split()]
            related[label] += [other for other in others if other in topics and other != label]
    return {label: list(dict.fromkeys(others)) for label, others in related.items()}


def _topic_label(word: str, entries: Mapping[str, str | tuple[str, ...]]) -> str:
    """The topic that `word` stands for; "" for words that are no topics, such as names of modules."""
    entry = entries.get(word)
    while isinstance(entry, str):
        entry = entries.get(entry)
    return entry[0] if entry else ""


def _walk(root: Path) -> Iterator[Document | SkippedDocument]:
    for folder, subfolders, files in os.walk(root):
        here = Path(folder)
        for name in sorted(subfolders):
            if reason := _reason_to_stay_out(here / name):
                subfolders.remove(name)
                yield SkippedDocument(_doc_id(here / name, root) + "/", reason)
        for name in files:
            if format_ := formats.by_suffix(Path(name).suffix.lower()):
                yield _read(here / name, root, format_)


def _reason_to_stay_out(folder: Path) -> str | None:
    if folder.is_symlink():
        return "a symbolic link to a folder, not followed"
    if folder.name.startswith("."):
        return "a hidden folder, not read"
    return None if os.access(folder, os.R_OK | os.X_OK) else "a folder that may not be read"


def _doc_id(path: Path, root: Path) -> str:
    """The path below `root`; bytes of a file name that are not UTF-8 are shown as \\udcNN."""
    return path.relative_to(root).as_posix().encode("utf-8", "backslashreplace").decode()


def _read(path: Path, root: Path, format_: formats.Format) -> Document | SkippedDocument:
    doc_id = _doc_id(path, root)
    try:
        text = _text_of(path, root)
    except (OSError, ValueError) as error:
        return SkippedDocument(doc_id, getattr(error, "strerror", None) or str(error))
    return Document(doc_id, format_.title(text) or path.stem, format_.name, text, doc_id)


def _text_of(path: Path, root: Path) -> str:
    """Raises OSError or ValueError, worded for the user."""
    target = Path(os.path.realpath(path, strict=True))  # Path.resolve raises RuntimeError for loops before Python 3.13
    if not target.is_relative_to(root):
        raise ValueError("a symbolic link that leads out of the folder")
    status = target.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file")
    if status.st_size > MAX_DOCUMENT_BYTES:
        raise ValueError(f"{status.st_size} bytes, the limit is {MAX_DOCUMENT_BYTES}")
    try:
        text = target.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte 0x{error.object[error.start]:02x} at offset {error.start}") from error
    if not text.strip():
        raise ValueError("empty")
    return text
