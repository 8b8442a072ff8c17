"""Plain text, above all as Sphinx writes it for Python's own help topics, in its older and newer form."""

from textwrap import dedent

import pytest

from backend.wiki.formats import text
from backend.wiki.formats.text_inline import join_lines, parse_inlines
from backend.wiki.model import (
    BulletList,
    Code,
    CodeBlock,
    Definition,
    DefinitionList,
    Emphasis,
    Heading,
    Link,
    Paragraph,
    Quote,
    Rule,
    SeeAlso,
    Strong,
    Table,
    Text,
)


def parse(source: str) -> tuple[object, ...]:
    return text.parse(dedent(source))


def test_underlines_make_headings_in_the_order_of_their_first_use() -> None:
    blocks = parse("""\
        Top
        ***

        Part
        ====

        Detail
        ~~~~~~

        Part two
        ========
        """)
    assert [(b.level, b.children[0].text) for b in blocks] == [  # type: ignore[attr-defined]
        (1, "Top"),
        (2, "Part"),
        (3, "Detail"),
        (2, "Part two"),
    ]


def test_a_line_of_signs_alone_is_a_rule() -> None:
    assert parse("a\n\n==========\n\nb\n")[1] == Rule()


@pytest.mark.parametrize(
    "example",
    [
        'assert_stmt ::= "assert" expression',
        "x = [0, 1]\ni = 0",
        ">>> print(1)\n1",
        '"First {0}"   # References the first argument\n"Second {1}"   # The second.',
        "Traceback (most recent call last):\n  ...",
        "if __debug__:\n    if not expression: raise AssertionError",
    ],
)
def test_an_indented_example_is_code(example: str) -> None:
    indented = "\n".join("   " + line for line in example.split("\n"))
    assert text.parse(f"This is how:\n\n{indented}\n\nAfter.\n")[1] == CodeBlock(example)


def test_the_grammar_of_newer_pythons_is_code_without_its_stars() -> None:
    blocks = parse("""\
        Into a program:

           **assert_stmt**: "assert" expression ["," expression]
        """)
    assert blocks[1] == CodeBlock('assert_stmt: "assert" expression ["," expression]')


def test_a_signature_is_described_by_the_prose_below_it() -> None:
    blocks = parse("""\
        class dict(**kwargs)
        class dict(mapping)

           Return a new dictionary.

        key in d

           Return "True" if *d* has a key.
        """)
    assert blocks == (
        DefinitionList(
            (
                Definition(
                    ((Code("class dict(**kwargs)"),), (Code("class dict(mapping)"),)),
                    (Paragraph((Text("Return a new dictionary."),)),),
                ),
                Definition(
                    ((Code("key in d"),),),
                    (
                        Paragraph(
                            (Text("Return "), Code("True"), Text(" if "), Emphasis((Text("d"),)), Text(" has a key."))
                        ),
                    ),
                ),
            )
        ),
    )


def test_see_also_and_notes_are_recognised() -> None:
    blocks = parse("""\
        See also:

          **PEP 3132** - Extended Iterable Unpacking
             The specification for the "*target" feature.

        Note:

          Mind the gap.
        """)
    pep = Link((Text("PEP 3132"),), "https://peps.python.org/pep-3132/")
    definition = Definition(
        ((pep, Text(" - Extended Iterable Unpacking")),),
        (Paragraph((Text("The specification for the "), Code("*target"), Text(" feature."))),),
    )
    assert blocks == (
        SeeAlso((DefinitionList((definition,)),)),
        Quote((Paragraph((Strong((Text("Note:"),)),)), Paragraph((Text("Mind the gap."),)))),
    )


def test_lists_keep_paragraphs_code_and_lists_inside() -> None:
    (outer,) = parse("""\
        * First item
          goes on.

          Its second paragraph.

          * inner

        * Second item:

             x = 1
        """)
    assert isinstance(outer, BulletList)
    assert outer.items[0] == (
        Paragraph((Text("First item goes on."),)),
        Paragraph((Text("Its second paragraph."),)),
        BulletList(((Paragraph((Text("inner"),)),),)),
    )
    assert outer.items[1][1] == CodeBlock("x = 1")


def test_numbers_go_on_where_they_went_on() -> None:
    blocks = parse("1. one\n\n2. two\n\n7. seven\n")
    assert [(block.start, len(block.items)) for block in blocks] == [(1, 2), (7, 1)]  # type: ignore[attr-defined]


def test_a_footnote_keeps_its_number() -> None:
    blocks = parse("""\
        -[ Footnotes ]-

        [1] While true for integers it
            may not be for floats.
        """)
    note = Paragraph((Text("[1] "), Text("While true for integers it may not be for floats.")))
    assert blocks == (Paragraph((Strong((Text("Footnotes"),)),)), BulletList(((note,),)))


def test_a_drawn_table_becomes_a_table() -> None:
    (table,) = parse("""\
        +---------+-----------+
        | Name    | Meaning   |
        |=========|===========|
        | "a"     | the first |
        |         | letter    |
        +---------+-----------+
        | "|"     | a bar     |
        +---------+-----------+
        """)
    assert table == Table(
        (
            ((Text("Name"),), (Text("Meaning"),)),
            ((Code("a"),), (Text("the first letter"),)),
            ((Code("|"),), (Text("a bar"),)),
        )
    )


def test_a_drawing_that_is_no_regular_table_is_shown_as_drawn() -> None:
    drawing = "+---+---+\n| spans |\n+---+---+"
    assert text.parse(drawing) == (CodeBlock(drawing),)


def test_words_wrapped_at_their_hyphen_are_whole_again() -> None:
    assert (
        join_lines(["the built-", "in names and -", "dashes", "X-", "Ray"]) == "the built-in names and - dashes X- Ray"
    )


@pytest.mark.parametrize(
    ("source", "inlines"),
    [
        ('the "x + 1" form', (Text("the "), Code("x + 1"), Text(" form"))),
        ('"not in" and "async for"', (Code("not in"), Text(" and "), Code("async for"))),
        ('She said "Come in, it is warm here".', (Text("She said "), Text('"Come in, it is warm here"'), Text("."))),
        ('equal to "{"one": 1, "two": 2}":', (Text("equal to "), Code('{"one": 1, "two": 2}'), Text(":"))),
        ('doubling: "{{" and "}}"', (Text("doubling: "), Code("{{"), Text(" and "), Code("}}"))),
        ("2 * 3 * 4", (Text("2 * 3 * 4"),)),
        (
            "see https://example.org/a.",
            (Text("see "), Link((Text("https://example.org/a"),), "https://example.org/a"), Text(".")),
        ),
    ],
)
def test_inlines(source: str, inlines: tuple[object, ...]) -> None:
    assert parse_inlines(source) == inlines


def test_the_title_is_the_first_underlined_line() -> None:
    assert text.find_title('The "if" statement\n******************\n\ntext') == 'The "if" statement'
    assert text.find_title("=====\nTitle\n=====\n") == "Title"
    assert text.find_title("just text\nand more\n") is None
    assert parse("Title\n=====\n") == (Heading(1, (Text("Title"),)),)
