"""Markdown documents: read faithfully, without their HTML."""

from backend.wiki.formats import markdown
from backend.wiki.model import (
    Break,
    BulletList,
    Code,
    CodeBlock,
    CrossReference,
    Heading,
    Link,
    OrderedList,
    Paragraph,
    Table,
    Text,
    plain,
)


def test_structure_is_kept() -> None:
    blocks = markdown.parse(
        "# Title\n\nSome `code`.\n\n```py\nx = 1\n```\n\n3. three\n4. four\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    assert blocks == (
        Heading(1, (Text("Title"),)),
        Paragraph((Text("Some "), Code("code"), Text("."))),
        CodeBlock("x = 1\n", "py"),
        OrderedList(((Paragraph((Text("three"),)),), (Paragraph((Text("four"),)),)), 3),
        Table((((Text("a"),), (Text("b"),)), ((Text("1"),), (Text("2"),)))),
    )


def test_links_into_the_world_and_links_between_documents_are_told_apart() -> None:
    (paragraph,) = markdown.parse("[out](https://example.org/x) [in](../guide/start.md#first)")
    assert paragraph == Paragraph(
        (
            Link((Text("out"),), "https://example.org/x"),
            Text(" "),
            CrossReference((Text("in"),), "../guide/start.md#first", "path"),
        )
    )


def test_of_html_only_the_words_stay() -> None:
    blocks = markdown.parse(
        "<!-- hidden -->\n\n<div onclick='x()'>\nblock <b>words</b>\n<script>alert(1)</script>\n</div>\n\n"
        "a<br>b <img src=x onerror=alert(1)> <kbd>Ctrl</kbd>\n"
    )
    assert blocks == (
        Paragraph((Text("block words"),)),
        Paragraph((Text("a"), Break(), Text("b "), Text(" "), Text("Ctrl"))),
    )


def test_an_image_becomes_a_link_with_its_words() -> None:
    (paragraph,) = markdown.parse("![A picture](https://example.org/p.png)")
    assert paragraph == Paragraph((Link((Text("A picture"),), "https://example.org/p.png"),))


def test_front_matter_is_no_text_but_may_hold_the_title() -> None:
    source = "---\ntitle: 'Install'\nsection: 1\n---\n\n### Synopsis\n"
    assert markdown.parse(source) == (Heading(3, (Text("Synopsis"),)),)
    assert markdown.find_title(source) == "Install"


def test_the_title_is_the_first_heading_of_level_one() -> None:
    assert markdown.find_title("intro\n\n# The `assert` *statement* #\n") == "The assert statement"
    assert markdown.find_title("Underlined\n==========\n\n# Later\n") == "Underlined"
    assert markdown.find_title("## Only a section\n") is None


def test_lists_in_lists_keep_their_depth() -> None:
    (outer,) = markdown.parse("- a\n  - b\n    - c\n")
    assert isinstance(outer, BulletList)
    inner = outer.items[0][1]
    assert isinstance(inner, BulletList)
    assert plain(inner.items[0][0].children) == "b"  # type: ignore[union-attr]
