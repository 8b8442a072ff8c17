"""Documents -> wiki: steps 2 and 3 of a generation. Pure: the same documents, in any order, give the same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Literal, Protocol, cast

from backend.wiki import formats, overview
from backend.wiki.catalogue import Catalogue
from backend.wiki.layout import page_text
from backend.wiki.naming import page_files
from backend.wiki.pages import Page, compose
from backend.wiki.records import Document, MalformedDocument, SkippedDocument, UnknownOrchestrator, problem_with
from backend.wiki.relationships import Relationship, link_page

__all__ = ["MalformedDocument", "Orchestrator", "Relationship", "Wiki", "generate_wiki", "load_orchestrator"]

ENTRY_POINTS = "saga_testbed.orchestrators"
OnMalformed = Literal["skip", "fail"]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wiki:
    files: Mapping[str, str]  # "index.md", "topics/assignment.md" -> Markdown; ordered by name
    relationships: tuple[Relationship, ...]  # ordered; source and target are names in `files`
    skipped: tuple[SkippedDocument, ...]  # ordered by doc_id


class Orchestrator(Protocol):
    def __call__(
        self,
        project_id: str,
        documents: Sequence[Document],
        on_malformed: OnMalformed = "skip",
        on_progress: OnProgress | None = None,
    ) -> Wiki: ...


def generate_wiki(
    project_id: str,
    documents: Sequence[Document],
    on_malformed: OnMalformed = "skip",
    on_progress: OnProgress | None = None,
) -> Wiki:
    """A page for each document, an index, the headings from A to Z, and an overview of the relationships.

    `on_progress(done, total)` counts steps of work: each document is read, linked and written. A document that is
    empty, too large, not valid Unicode, of an unknown format or a repeated id is named in `skipped`, or raises
    MalformedDocument with `on_malformed="fail"`.
    """
    sound, skipped = _sorted_out(documents)
    progress = _Progress(3 * len(sound), on_progress)
    composed, unreadable = _composed(sound, progress)
    skipped = sorted([*skipped, *unreadable])
    if skipped and on_malformed == "fail":
        raise MalformedDocument(skipped[0].doc_id, skipped[0].reason)
    pages, relationships = _linked(composed, progress)
    files = {
        **_written(pages, relationships, progress),
        overview.INDEX: overview.index_page(project_id, list(pages.values()), relationships, skipped),
        overview.HEADINGS: overview.headings_page(list(pages.values())),
        overview.GRAPH: overview.graph_page(pages, relationships),
    }
    return Wiki(MappingProxyType(dict(sorted(files.items()))), relationships, tuple(skipped))


def load_orchestrator(name: str = "builtin") -> Orchestrator:
    """The built-in orchestrator, or one that an installed package offers as entry point `saga_testbed.orchestrators`.

    Raises UnknownOrchestrator, which names those that there are.
    """
    if name == "builtin":
        return generate_wiki
    offered = {entry_point.name: entry_point for entry_point in entry_points(group=ENTRY_POINTS)}
    if name not in offered:
        raise UnknownOrchestrator(f"no orchestrator {name!r}; there is: {', '.join(['builtin', *sorted(offered)])}")
    return cast(Orchestrator, offered[name].load())


class _Progress:
    def __init__(self, total: int, report: OnProgress | None) -> None:
        self._done, self._total, self._report = 0, total, report

    def step(self, steps: int = 1) -> None:
        self._done += steps
        if self._report:
            self._report(self._done, self._total)


def _sorted_out(documents: Sequence[Document]) -> tuple[list[Document], list[SkippedDocument]]:
    """Of documents with one id the first in sorted order stays, whatever the order in which they came."""
    sound: dict[str, Document] = {}
    skipped: list[SkippedDocument] = []
    for document in sorted(documents):
        problem = problem_with(document, formats.names())
        if problem is None and document.doc_id in sound:
            problem = f"duplicate doc_id; the document from {sound[document.doc_id].source!r} is in the wiki"
        if problem:
            skipped.append(SkippedDocument(document.doc_id, problem))
        else:
            sound[document.doc_id] = document
    return list(sound.values()), skipped


def _composed(documents: Sequence[Document], progress: _Progress) -> tuple[list[Page], list[SkippedDocument]]:
    files = page_files((document.doc_id for document in documents), formats.suffixes())
    pages: list[Page] = []
    skipped: list[SkippedDocument] = []
    for document in documents:
        try:
            blocks = formats.by_name(document.format).parse(document.text)
            pages.append(compose(document, files[document.doc_id], blocks))
            progress.step()
        except Exception as error:
            # Parsers are other people's code and documents anybody's: one of them must not stop all others.
            skipped.append(SkippedDocument(document.doc_id, f"cannot be read as {document.format}: {_why(error)}"))
            progress.step(3)
    return pages, skipped


def _why(error: Exception) -> str:
    """In words that go into the saga log: what a parser says may repeat the document's text."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error) if isinstance(error, formats.Unreadable) else type(error).__name__


def _linked(composed: Sequence[Page], progress: _Progress) -> tuple[dict[str, Page], tuple[Relationship, ...]]:
    catalogue = Catalogue(composed, formats.suffixes())
    pages: dict[str, Page] = {}
    relationships: list[Relationship] = []
    for page in composed:
        pages[page.file], found = link_page(page, catalogue)
        relationships += found
        progress.step()
    return pages, tuple(sorted(relationships))


def _written(pages: Mapping[str, Page], relationships: Sequence[Relationship], progress: _Progress) -> dict[str, str]:
    outgoing: dict[str, list[Relationship]] = defaultdict(list)
    incoming: dict[str, list[Relationship]] = defaultdict(list)
    for relationship in relationships:
        outgoing[relationship.source].append(relationship)
        incoming[relationship.target].append(relationship)
    files = {}
    for file, page in pages.items():
        files[file] = page_text(page, pages, outgoing[file], incoming[file])
        progress.step()
    return files
