"""What counts as a relationship, of which kind, and which words prove it."""

import pytest

from backend.wiki.orchestrator import Wiki, generate_wiki
from backend.wiki.prose import MAX_EVIDENCE, quote_around
from backend.wiki.records import Document
from backend.wiki.relationships import Relationship
from tests.unit.wiki_checks import links

RAISE = Document(
    "raise", 'The "raise" statement', "text", 'The "raise" statement\n*********************\n\nRaises.\n', "raise"
)
CALLS = Document(
    "calls", "Calls", "text", "Calls\n*****\n\nCalling.\n\n\nKeyword arguments\n=================\n\nNamed.\n", "calls"
)


def wiki_of(text: str, format_: str = "text", doc_id: str = "a", others: tuple[Document, ...] = (RAISE, CALLS)) -> Wiki:
    return generate_wiki("p", [Document(doc_id, "A", format_, text, doc_id), *others])


def relationships(text: str, format_: str = "text") -> list[tuple[str, str]]:
    return [(r.kind, r.target) for r in wiki_of(text, format_).relationships]


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("See section Calls.", "LINKS_TO", "topics/calls.md"),
        ("This is explained (see Calls).", "LINKS_TO", "topics/calls.md"),
        ("as described in the Calls section", "LINKS_TO", "topics/calls.md"),
        ("See also the Calls section.", "SEE_ALSO", "topics/calls.md"),
        ("See also:\n\n  * Calls\n", "SEE_ALSO", "topics/calls.md"),
        ('An exception comes from the "raise" statement.', "MENTIONS", "topics/raise.md"),
        ('See section The "raise"\nstatement.', "LINKS_TO", "topics/raise.md"),
        ("Details are in section Keyword arguments.", "LINKS_TO", "topics/calls.md"),
    ],
)
def test_a_reference_in_words_has_its_kind(text: str, kind: str, target: str) -> None:
    assert relationships(text) == [(kind, target)]


@pytest.mark.parametrize(
    "text",
    [
        "He calls his mother.",  # a word is no title
        "Calls are frequent.",  # a single word needs "see" or "section"
        "We raise. Statement follows.",  # no name reaches over the end of a sentence
        "keyword arguments are named",  # a heading of another page needs "see" too
        "See section Primaries.",  # leads nowhere
        "   see_section = Calls\n   >>> See section Calls",  # code is no prose
    ],
)
def test_what_is_no_reference(text: str) -> None:
    assert relationships(text) == []


def test_the_link_stands_where_the_words_are() -> None:
    page = wiki_of('Use the "raise" statement, or see Keyword arguments.').files["topics/a.md"]
    assert "Use the [`raise` statement](raise.md), or see [Keyword arguments](calls.md#keyword-arguments)." in page


def test_a_mention_is_linked_once_and_not_reported_beside_a_stronger_kind() -> None:
    text = 'The "raise" statement, again the "raise" statement. See section The "raise" statement.'
    wiki = wiki_of(text)
    assert [r.kind for r in wiki.relationships] == ["LINKS_TO"]
    body = wiki.files["topics/a.md"].split("## Related pages")[0]
    assert body.count("](raise.md)") == 2


def test_a_page_has_no_relationship_with_itself() -> None:
    text = "A\n*\n\nSee section Usage of A, and section A.\n\n\nUsage of A\n==========\n\nx\n\n\nEnd\n===\n\ny\n"
    wiki = wiki_of(text, others=())
    assert wiki.relationships == ()
    assert "See section [Usage of A](#usage-of-a)" in wiki.files["topics/a.md"]


def test_the_evidence_is_the_sentence() -> None:
    (relationship,) = wiki_of("First things first. See section Calls for more. And so on.").relationships
    assert relationship == Relationship("topics/a.md", "topics/calls.md", "LINKS_TO", "See section Calls for more.")


def test_long_evidence_is_cut_around_the_name_between_words() -> None:
    sentence = "word " * 100 + "see Calls " + "more " * 100
    (relationship,) = wiki_of(sentence).relationships
    assert len(relationship.evidence) <= MAX_EVIDENCE
    assert "see Calls more" in relationship.evidence
    assert relationship.evidence.startswith("…word ")
    assert relationship.evidence.endswith(" more…")
    assert len(quote_around("x" * 1000, 0, 1000)) <= MAX_EVIDENCE


def test_backlinks_show_who_links_here_and_why() -> None:
    page = wiki_of("Be careful: see section Calls.").files["topics/calls.md"]
    assert "## Linked from\n\n- [A](a.md) — “Be careful: see section Calls.”\n" in page


def test_markdown_links_lead_to_pages_and_dead_ones_become_text() -> None:
    guide = Document("guide/start.md", "Start", "markdown", "# Start\n\n## First steps\n\nx\n\n## Next\n\ny\n", "")
    index = Document("guide/README.md", "Guide", "markdown", "# Guide\n\nx\n", "")
    text = (
        "[one](guide/start.md#first-steps) [two](/guide/start) [three](guide/) [four](guide/start.html#nowhere) "
        "[dead](missing.md) [out](../../etc/passwd) [bad](javascript:alert(1))\n"
    )
    page = wiki_of(text, "markdown", "a.md", (guide, index)).files["topics/a.md"]
    assert (
        "[one](guide/start.md#first-steps) [two](guide/start.md) [three](guide/readme.md) [four](guide/start.md) "
        "dead out" in page
    )
    assert not [link for link in links(page) if "javascript" in link]


def test_links_below_a_heading_see_also_are_see_also_until_the_next_heading() -> None:
    text = "## See Also\n\n- [x](calls)\n\n### More\n\n- [y](raise)\n\n## Other\n\n[z](calls)\n"
    assert relationships(text, "markdown") == [
        ("LINKS_TO", "topics/calls.md"),
        ("SEE_ALSO", "topics/calls.md"),
        ("SEE_ALSO", "topics/raise.md"),
    ]


def test_roles_find_documents_by_folder_label_and_title() -> None:
    others = (
        Document(
            "command/add_library.rst",
            "add_library",
            "rst",
            "add_library\n-----------\n\n.. _deep:\n\nDeep\n^^^^\n\nx\n",
            "",
        ),
        Document("variable/add_library.rst", "add_library", "rst", "add_library\n-----------\n\ny\n", ""),
    )
    text = ":variable:`add_library` :command:`add_library(x)` :ref:`deep` :doc:`command/add_library` :term:`nothing`\n"
    page = wiki_of(text, "rst", "a.rst", others).files["topics/a.md"]
    assert (
        "[`add_library`](variable/add_library.md) [`add_library(x)`](command/add_library.md) "
        "[Deep](command/add_library.md#deep) [add_library](command/add_library.md) nothing" in page
    )


def test_of_two_pages_with_one_title_the_one_named_like_it_is_meant() -> None:
    text = 'The "if" statement\n******************\n\nx\n'
    others = tuple(Document(name, 'The "if" statement', "text", text, name) for name in ("else", "if"))
    assert [r.target for r in wiki_of('See section The "if" statement.', others=others).relationships] == [
        "topics/if.md"
    ]


def test_a_heading_that_many_pages_have_means_none_of_them() -> None:
    others = tuple(Document(f"d{n}", f"D{n}", "markdown", f"# D{n}\n\n## Basic usage\n\nx\n", "") for n in range(4))
    assert wiki_of("See section Basic usage.", others=others).relationships == ()
    assert wiki_of("See section Basic usage.", others=others[:1]).relationships != ()
