"""The writer: whatever text comes in, a renderer shows exactly that text, and nothing of it becomes markup."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.wiki.model import (
    Break,
    BulletList,
    Code,
    CodeBlock,
    Emphasis,
    Heading,
    Link,
    OrderedList,
    Paragraph,
    Quote,
    Strong,
    Table,
    Text,
)
from backend.wiki.writer import safe_url, write_blocks
from tests.unit.wiki_checks import RENDERER, links, raw_html, visible

MARKUP = st.text(st.sampled_from("ab1 *_`~[]()<>!#&;:|\\\"'=-+.)\n/lt"), max_size=30)
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=40)


def shown(text: str) -> str:
    return " ".join(text.split())


@settings(deadline=None)
@given(st.one_of(MARKUP, ANY_TEXT))
def test_a_text_is_shown_as_it_is(text: str) -> None:
    markdown = write_blocks((Paragraph((Text(text),)),))
    assert visible(markdown) == shown(text)
    assert [token.type for token in RENDERER.parse(markdown) if token.nesting == 1] in (["paragraph_open"], [])


@settings(deadline=None)
@given(MARKUP, MARKUP)
def test_texts_that_meet_a_break_or_a_link_are_shown_as_they_are(first: str, second: str) -> None:
    paragraph = Paragraph((Text(first), Link((Text("here"),), "a.md"), Break(), Text(second)))
    markdown = write_blocks((paragraph,))
    assert visible(markdown) == shown(f"{first}here {second}")
    assert links(markdown) == ["a.md"]


@settings(deadline=None)
@given(st.one_of(MARKUP, ANY_TEXT), st.one_of(MARKUP, ANY_TEXT))
def test_no_text_becomes_html_wherever_it_stands(text: str, code: str) -> None:
    inlines = (Text(text), Code(code), Strong((Text(text),)), Emphasis((Code(code),)))
    blocks = (
        Heading(2, inlines),
        Paragraph(inlines),
        BulletList(((Paragraph(inlines), CodeBlock(code)),)),
        Quote((Paragraph(inlines),)),
        Table(((inlines, inlines), (inlines,))),
        CodeBlock(text, code),
    )
    assert raw_html(write_blocks(blocks)) == []


@settings(deadline=None)
@given(st.text(st.sampled_from("a`~ \n"), max_size=30))
def test_a_code_block_holds_its_text_whatever_fences_are_in_it(code: str) -> None:
    (token,) = RENDERER.parse(write_blocks((CodeBlock(code),)))
    assert token.content.rstrip("\n") == code.strip("\n")


@settings(deadline=None)
@given(st.lists(st.lists(MARKUP, min_size=2, max_size=2), min_size=1, max_size=4))
def test_a_table_has_the_cells_that_went_in(rows: list[list[str]]) -> None:
    table = Table(tuple(tuple((Code(cell),) for cell in row) for row in rows))
    cells = [token for token in RENDERER.parse(write_blocks((table,))) if token.type in ("th_open", "td_open")]
    assert len(cells) == 2 * len(rows)


def test_neighbouring_lists_stay_two_lists() -> None:
    one = BulletList(((Paragraph((Text("a"),)),),))
    first = OrderedList(((Paragraph((Text("b"),)),),))
    types = [token.type for token in RENDERER.parse(write_blocks((one, one, first, first)))]
    assert types.count("bullet_list_open") == 2
    assert types.count("ordered_list_open") == 2


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "https://[bad",
    ],
)
def test_a_page_carries_no_dangerous_url(url: str) -> None:
    assert safe_url(url) is None
    assert links(write_blocks((Paragraph((Link((Text("click"),), url),)),))) == []


@settings(deadline=None)
@given(ANY_TEXT)
def test_no_url_breaks_out_of_its_link(text: str) -> None:
    markdown = write_blocks((Paragraph((Link((Text("x"),), f"https://example.org/{text}"),)),))
    assert raw_html(markdown) == []
    assert all(link.startswith("https://example.org/") for link in links(markdown))
