"""Documents from real folders: what is read, what is refused, and that every refusal is named."""

import os
import stat
from pathlib import Path

import pytest

from backend.wiki.documents import Document, SkippedDocument, read_folder
from backend.wiki.orchestrator import generate_wiki
from backend.wiki.records import MAX_DOCUMENT_BYTES
from tests.unit.wiki_checks import dead_links


def write(folder: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_the_four_suffixes_are_read_with_format_title_and_path(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_md="---\ntitle: From the front\n---\ntext\n",
        b__c_markdown="# From a heading\n",
        d_rst="=====\nTitle\n=====\n\ntext\n",
        e_txt=b"\xef\xbb\xbfjust text\n",
        f_py="# no document\n",
        G_MD="# Loud\n",
    )
    documents, skipped = read_folder(tmp_path)
    assert skipped == []
    assert [(d.doc_id, d.title, d.format) for d in documents] == [
        ("G.MD", "Loud", "markdown"),
        ("a.md", "From the front", "markdown"),
        ("b/c.markdown", "From a heading", "markdown"),
        ("d.rst", "Title", "rst"),
        ("e.txt", "e", "text"),
    ]
    assert documents[4] == Document("e.txt", "e", "text", "just text\n", "e.txt")


def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path, latin_txt=b"caf\xe9", big_md=b"x" * (MAX_DOCUMENT_BYTES + 1), empty_rst=" \n", fine_md="ok")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "folder.md").mkdir()
    documents, skipped = read_folder(tmp_path)
    assert [document.doc_id for document in documents] == ["fine.md"]
    assert skipped == [
        SkippedDocument("big.md", "1048577 bytes, the limit is 1048576"),
        SkippedDocument("empty.rst", "empty"),
        SkippedDocument("latin.txt", "not UTF-8: byte 0xe9 at offset 3"),
        SkippedDocument("pipe.txt", "not a regular file"),
    ]


def test_a_document_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    write(tmp_path, a_txt=b"x" * MAX_DOCUMENT_BYTES)
    documents, skipped = read_folder(tmp_path)
    assert (len(documents), skipped) == (1, [])
    assert generate_wiki("p", documents).skipped == ()


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write(tmp_path, secret_md="# Secret\n", outside__x_md="# X\n")
    write(docs, a_md="# A\n")
    (docs / "escape.md").symlink_to(tmp_path / "secret.md")
    (docs / "gone.md").symlink_to(docs / "nowhere.md")
    (docs / "inside.md").symlink_to(docs / "a.md")
    (docs / "loop.md").symlink_to(docs / "loop.md")
    (docs / "up").symlink_to(tmp_path)
    documents, skipped = read_folder(docs)
    assert [document.doc_id for document in documents] == ["a.md", "inside.md"]
    reasons = {each.doc_id: each.reason for each in skipped}
    assert reasons["escape.md"] == "a symbolic link that leads out of the folder"
    assert reasons["gone.md"] == "No such file or directory"
    assert reasons["up/"] == "a symbolic link to a folder, not followed"
    assert set(reasons) == {"escape.md", "gone.md", "loop.md", "up/"}


def test_hidden_folders_are_named_and_not_entered(tmp_path: Path) -> None:
    write(tmp_path, a_md="# A\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "notes.md").write_text("# Notes\n")
    documents, skipped = read_folder(tmp_path)
    assert [document.doc_id for document in documents] == ["a.md"]
    assert skipped == [SkippedDocument(".git/", "a hidden folder, not read")]


def test_a_file_name_that_is_no_unicode_is_shown_readably(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("# Café\n")
    documents, _ = read_folder(tmp_path)
    assert [document.doc_id for document in documents] == ["caf\\udce9.md"]
    assert generate_wiki("p", documents).skipped == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, a_md="# A\n", closed__b_md="# B\n")
    (tmp_path / "a.md").chmod(0)
    (tmp_path / "closed").chmod(0)
    _, skipped = read_folder(tmp_path)
    (tmp_path / "closed").chmod(stat.S_IRWXU)
    assert {each.doc_id for each in skipped} == {"a.md", "closed/"}


def test_a_path_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        read_folder(tmp_path / "nowhere")


def test_a_folder_becomes_a_wiki_whose_links_all_lead_somewhere(tmp_path: Path) -> None:
    write(
        tmp_path,
        index_rst="Guide\n=====\n\n.. toctree::\n\n   parts/one\n   parts/two\n",
        parts__one_rst="One\n===\n\nSee :doc:`two` and `the readme <../notes.md>`_.\n",
        parts__two_rst="Two\n===\n\n.. seealso:: :doc:`/parts/one`\n",
        notes_md="# Notes\n\n[One](parts/one.rst), [nothing](parts/none.rst)\n",
    )
    documents, _ = read_folder(tmp_path)
    wiki = generate_wiki("p", documents)
    assert [(r.source, r.kind, r.target) for r in wiki.relationships] == [
        ("topics/index.md", "LINKS_TO", "topics/parts/one.md"),
        ("topics/index.md", "LINKS_TO", "topics/parts/two.md"),
        ("topics/notes.md", "LINKS_TO", "topics/parts/one.md"),
        ("topics/parts/one.md", "LINKS_TO", "topics/notes.md"),
        ("topics/parts/one.md", "LINKS_TO", "topics/parts/two.md"),
        ("topics/parts/two.md", "SEE_ALSO", "topics/parts/one.md"),
    ]
    assert dead_links(wiki.files) == []
    assert "- [One](topics/parts/one.md)" in wiki.files["index.md"]
