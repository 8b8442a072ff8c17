"""`testbed ingest`: documents in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from pydantic import ValidationError
from rich.progress import track

from backend.batches import batched
from backend.schemas import DocumentIn
from backend.wiki.documents import CORPORA, Document, SkippedDocument, read_corpus, read_folder
from testbed.api import Backend
from testbed.errors import Failure
from testbed.options import check_project, console, json_option, print_json, running_system, state_option, user_option

BATCH_DOCUMENTS = 100
BATCH_CHARACTERS = 4 * 1024 * 1024  # far below the backend's limit of a body


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--corpus", type=click.Choice(CORPORA), help="Documents that are on every machine with Python.")
@click.option("--project", required=True, metavar="ID", callback=check_project)
@user_option
@state_option
@json_option
def ingest(path: Path | None, corpus: str | None, project: str, user: str, state: Path, as_json: bool) -> None:
    """Add the Markdown, reStructuredText and text files below PATH, or a corpus, to a project's documents.

    A document that is there already is replaced. What cannot be taken is named, and the rest is taken.

    Exit status: 0 added, 1 there was nothing to add, or the backend refused; repeating the command is safe.
    """
    if (path is None) == (corpus is None):
        raise click.UsageError("give either a PATH or --corpus")
    backend = Backend(running_system(state), user)
    documents, skipped = _read(path, corpus)
    ready, refused = _checked(documents)
    skipped = [*skipped, *refused]
    added = _send(backend, project, ready, quiet=as_json)
    _report(project, added, skipped, state, as_json)
    if not added:
        raise Failure(f"there is no document to add in {path}: files end in .md, .markdown, .rst or .txt")


def _read(path: Path | None, corpus: str | None) -> tuple[list[Document], list[SkippedDocument]]:
    return read_folder(path) if path else (read_corpus(corpus or ""), [])


def _checked(documents: Iterable[Document]) -> tuple[list[DocumentIn], list[SkippedDocument]]:
    """What the backend will take; one document too long must not cost the batch that it is in."""
    ready, refused = [], []
    for one in documents:
        try:
            ready.append(
                DocumentIn(doc_id=one.doc_id, title=one.title, format=one.format, text=one.text, source=one.source)  # type: ignore[arg-type]
            )
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            refused.append(SkippedDocument(one.doc_id, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"))
    return ready, refused


def _send(backend: Backend, project: str, documents: list[DocumentIn], *, quiet: bool) -> int:
    batches = list(batched(documents, BATCH_DOCUMENTS, BATCH_CHARACTERS))
    out = console()
    silent = quiet or not out.is_terminal
    steps = track(batches, f"adding {len(documents)} documents", console=out, transient=True, disable=silent)
    return sum(backend.add_documents(project, [one.model_dump() for one in batch]) for batch in steps)


def _report(project: str, added: int, skipped: list[SkippedDocument], state: Path, as_json: bool) -> None:
    if as_json:
        rows = [{"doc_id": one.doc_id, "reason": one.reason} for one in skipped]
        print_json({"project": project, "added": added, "skipped": rows})
        return
    for one in skipped:
        click.echo(f"skipped {one.doc_id}: {one.reason}", err=True)
    if added:
        advice = f"testbed generate {project} --wait --state {state}"
        click.echo(f"{added} documents are in project {project}; next: {advice}")
