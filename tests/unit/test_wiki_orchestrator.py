"""The whole generation: complete, deterministic, safe, and honest about what it left out."""

import random
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.wiki import orchestrator
from backend.wiki.documents import UnknownCorpus, read_corpus
from backend.wiki.orchestrator import MalformedDocument, generate_wiki, load_orchestrator
from backend.wiki.records import MAX_DOCUMENT_BYTES, Document, SkippedDocument, UnknownOrchestrator
from tests.unit.wiki_checks import dead_links, links, raw_html

GOOD = Document("good", "Good", "markdown", "# Good\n\nFine.\n", "good.md")
ATTACK = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> <a href='javascript:alert(1)'>x</a>\n"
    "[x](javascript:alert(1)) ![y](data:text/html,z) &lt;b&gt; <!-- --> ]]> `<i>` *<b>*\n"
)


@pytest.fixture(scope="module")
def topics() -> list[Document]:
    return read_corpus("python-topics")


def test_the_language_reference_becomes_a_wiki_without_a_dead_link(topics: list[Document]) -> None:
    wiki = generate_wiki("python", topics)
    assert len(topics) > 70
    assert wiki.skipped == ()
    assert len(wiki.files) == len(topics) + 3
    assert dead_links(wiki.files) == []
    assert {r.kind for r in wiki.relationships} == {"LINKS_TO", "MENTIONS", "SEE_ALSO"}
    assert len(wiki.relationships) > 200


def test_every_relationship_is_a_link_in_its_page_and_a_backlink_in_the_other(topics: list[Document]) -> None:
    wiki = generate_wiki("python", topics)
    for relationship in wiki.relationships:
        source, target = relationship.source.rpartition("/")[2], relationship.target.rpartition("/")[2]
        assert target in {link.partition("#")[0] for link in links(wiki.files[relationship.source])}
        assert source in links(wiki.files[relationship.target].partition("## Linked from")[2])
        assert relationship.evidence


def test_known_references_of_the_language_reference_are_found(topics: list[Document]) -> None:
    found = {(r.source, r.kind, r.target) for r in generate_wiki("python", topics).relationships}
    assert ("topics/exceptions.md", "SEE_ALSO", "topics/try.md") in found
    assert ("topics/assignment.md", "LINKS_TO", "topics/types.md") in found
    assert ("topics/assignment.md", "SEE_ALSO", "topics/augassign.md") in found
    assert ("topics/assignment.md", "MENTIONS", "topics/nonlocal.md") in found


def test_the_order_of_the_documents_does_not_matter(topics: list[Document]) -> None:
    shuffled = random.Random(7).sample(topics, len(topics))
    one, two = generate_wiki("p", topics), generate_wiki("p", shuffled)
    assert one == two
    assert list(one.files) == list(two.files) == sorted(one.files)


def test_every_page_is_reached_from_the_index(topics: list[Document]) -> None:
    files = generate_wiki("p", topics).files
    assert set(links(files["index.md"])) == set(files) - {"index.md"}


@pytest.mark.parametrize("format_", ["markdown", "rst", "text"])
def test_no_document_carries_script_into_the_wiki(format_: str) -> None:
    wiki = generate_wiki("<script>", [Document("<b>", "<script>alert(1)</script>", format_, ATTACK, "<i>"), GOOD])
    for content in wiki.files.values():
        assert raw_html(content) == []
        assert not [link for link in links(content) if link.startswith(("javascript", "data"))]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Document,
            st.text(st.sampled_from("aB/.é\u0301 "), min_size=1, max_size=6),
            st.text(st.sampled_from("ab <>[]`*"), max_size=8),
            st.sampled_from(["markdown", "rst", "text"]),
            st.text(st.sampled_from("ab \n\t<>[]()`*_#=-+|:.\"'&!\\1{}$~"), max_size=80),
            st.just("s"),
        ),
        max_size=5,
    )
)
def test_no_input_leads_to_raw_html_a_dead_link_or_a_lost_document(documents: list[Document]) -> None:
    wiki = generate_wiki("p", documents)
    assert len(wiki.files) - 3 + len(wiki.skipped) == len(documents)
    assert not any("cannot be read" in skipped.reason for skipped in wiki.skipped)
    assert dead_links(wiki.files) == []
    assert [html for content in wiki.files.values() for html in raw_html(content)] == []


MALFORMED = [
    (Document("a", "A", "markdown", " \n", "a"), "text is empty"),
    (Document("a", "A", "pdf", "x", "a"), "unknown format 'pdf'; known: markdown, rst, text"),
    (Document("a", "A", "text", "x\0y", "a"), "text contains a NUL character"),
    (Document("a", "A", "text", "x\udc80", "a"), "text is not valid Unicode: a lone surrogate at character 1"),
    (Document("a\ud800", "A", "text", "x", "a"), "doc_id is not valid Unicode: a lone surrogate at character 1"),
    (Document(" ", "A", "text", "x", "a"), "doc_id is empty"),
    (
        Document("a", "A", "text", "é" * (MAX_DOCUMENT_BYTES // 2) + "x", "a"),
        "text has 1048577 bytes, the limit is 1048576",
    ),
    (Document("a", "A", "markdown", "> " * 5000 + "x", "a"), None),
    (Document("good", "Z", "text", "x", "other"), "duplicate doc_id; the document from 'good.md' is in the wiki"),
]


@pytest.mark.parametrize(("document", "reason"), [pair for pair in MALFORMED if pair[1]])
def test_a_malformed_document_is_named_with_its_reason(document: Document, reason: str) -> None:
    wiki = generate_wiki("p", [document, GOOD])
    assert wiki.skipped == (SkippedDocument(document.doc_id, reason),)
    assert "topics/good.md" in wiki.files
    assert "## Not in this wiki" in wiki.files["index.md"]


@pytest.mark.parametrize(("document", "reason"), [pair for pair in MALFORMED if pair[1]])
def test_a_malformed_document_fails_the_generation_if_asked(document: Document, reason: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        generate_wiki("p", [GOOD, document], on_malformed="fail")
    assert (caught.value.doc_id, caught.value.reason) == (document.doc_id, reason)


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("markdown", "> " * 5000 + "x"),
        ("text", "".join("  " * n + "* x\n" for n in range(1000))),
        ("rst", "* " * 3000 + "x"),
        ("rst", "".join("  " * n + "* x\n\n" for n in range(200))),
        ("rst", "".join("  " * n + ".. x::\n\n" for n in range(200))),
        ("text", "".join(" " * n + "x\n" for n in range(900))),
    ],
)
def test_absurd_nesting_is_read_or_named_and_stops_nothing(format_: str, text: str) -> None:
    wiki = generate_wiki("p", [Document("deep", "Deep", format_, text, "deep"), GOOD])
    assert "topics/good.md" in wiki.files
    assert ("topics/deep.md" in wiki.files) != (bool(wiki.skipped) and wiki.skipped[0].doc_id == "deep")


def test_progress_counts_up_to_the_total() -> None:
    steps: list[tuple[int, int]] = []
    generate_wiki(
        "p", [GOOD, Document("b", "B", "text", "x", "b")], on_progress=lambda done, of: steps.append((done, of))
    )
    assert steps == [(n, 6) for n in range(1, 7)]


def test_no_documents_make_an_empty_wiki() -> None:
    wiki = generate_wiki("p", [])
    assert list(wiki.files) == ["headings.md", "index.md", "relationships.md"]
    assert wiki.relationships == ()


def test_a_wiki_cannot_be_changed_afterwards() -> None:
    with pytest.raises(TypeError):
        generate_wiki("p", [GOOD]).files["index.md"] = "x"  # type: ignore[index]


def test_an_unknown_corpus_names_those_there_are() -> None:
    with pytest.raises(UnknownCorpus, match="no corpus 'nope'; there is: python-topics"):
        read_corpus("nope")


def test_the_builtin_orchestrator_is_the_default() -> None:
    assert load_orchestrator() is generate_wiki


def test_an_installed_orchestrator_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    own = EntryPoint("own", "backend.wiki.orchestrator:generate_wiki", "saga_testbed.orchestrators")
    monkeypatch.setattr(orchestrator, "entry_points", lambda group: [own] if group == own.group else [])
    assert load_orchestrator("own") is generate_wiki
    with pytest.raises(UnknownOrchestrator, match="no orchestrator 'other'; there is: builtin, own"):
        load_orchestrator("other")
