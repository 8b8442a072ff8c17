"""What goes into a wiki generation, and what is said about what could not go in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_DOCUMENT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Document:
    doc_id: str  # unique in a project; for a folder the relative path, with "/" between its parts
    title: str
    format: str  # one of `formats.names()`: "markdown", "rst", "text"
    text: str
    source: str  # where it came from: "python-topics:assignment", or a relative path


@dataclass(frozen=True, slots=True, order=True)
class SkippedDocument:
    """A document that is not in the wiki, and why: nothing is dropped silently."""

    doc_id: str
    reason: str


class WikiError(ValueError):
    """
    WikiError
    ├── MalformedDocument     a document cannot become a page
    ├── UnknownCorpus         no corpus of that name
    └── UnknownOrchestrator   no orchestrator of that name is installed
    """


class MalformedDocument(WikiError):
    def __init__(self, doc_id: str, reason: str) -> None:
        super().__init__(f"document {doc_id!r}: {reason}")
        self.doc_id = doc_id
        self.reason = reason


class UnknownCorpus(WikiError):
    pass


class UnknownOrchestrator(WikiError):
    pass


def problem_with(document: Document, formats: Iterable[str]) -> str | None:
    """Why `document` cannot become a page, in words for its author; None when it can."""
    for field in ("doc_id", "title", "source", "text"):
        if problem := _text_problem(getattr(document, field)):
            return f"{field} {problem}"
    if not document.doc_id.strip():
        return "doc_id is empty"
    if document.format not in (known := sorted(formats)):
        return f"unknown format {document.format!r}; known: {', '.join(known)}"
    if not document.text.strip():
        return "text is empty"
    if (size := len(document.text.encode())) > MAX_DOCUMENT_BYTES:
        return f"text has {size} bytes, the limit is {MAX_DOCUMENT_BYTES}"
    return None


def _text_problem(text: str) -> str | None:
    if "\0" in text:
        return "contains a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"is not valid Unicode: a lone surrogate at character {error.start}"
    return None
