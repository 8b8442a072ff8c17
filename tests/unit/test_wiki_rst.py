"""reStructuredText documents: docutils' own, Sphinx's, and a project's private roles and directives."""

from textwrap import dedent

import pytest

from backend.wiki.formats import rst
from backend.wiki.model import (
    BulletList,
    Code,
    CodeBlock,
    CrossReference,
    Definition,
    DefinitionList,
    Heading,
    Link,
    Paragraph,
    Quote,
    SeeAlso,
    Strong,
    Table,
    Text,
)


def parse(source: str) -> tuple[object, ...]:
    return rst.parse(dedent(source))


def inlines(source: str) -> tuple[object, ...]:
    (paragraph,) = rst.parse(source)
    assert isinstance(paragraph, Paragraph)
    return paragraph.children


def test_sections_and_their_labels() -> None:
    blocks = parse("""\
        .. _Start Here:

        Title
        =====

        Part
        ----

        Words.
        """)
    assert blocks == (
        Heading(1, (Text("Title"),), ("start here",)),
        Heading(2, (Text("Part"),)),
        Paragraph((Text("Words."),)),
    )


@pytest.mark.parametrize(
    ("source", "inline"),
    [
        (":ref:`The start <start here>`", CrossReference((Text("The start"),), "start here", "label", "ref")),
        (":doc:`/guide/one`", CrossReference((Text("/guide/one"),), "/guide/one", "path")),
        (":command:`add_library`", CrossReference((Code("add_library"),), "add_library", "name", "command")),
        (":py:func:`~os.path.join`", CrossReference((Code("join"),), "os.path.join", "name", "func")),
        (":genex:`$<CONFIG>`", CrossReference((Code("$<CONFIG>"),), "$<CONFIG>", "name", "genex")),
        (":pep:`8`", Link((Text("PEP 8"),), "https://peps.python.org/pep-0008/")),
        ("``literal``", Code("literal")),
        ("`out <https://example.org>`_", Link((Text("out"),), "https://example.org")),
        ("`in <other.rst>`_", CrossReference((Text("in"),), "other.rst", "path")),
    ],
)
def test_roles_and_references(source: str, inline: object) -> None:
    assert inlines(source) == (inline,)


def test_a_named_target_elsewhere_in_the_document_is_found() -> None:
    blocks = parse("""\
        See Python_.

        .. _Python: https://www.python.org/
        """)
    assert blocks == (Paragraph((Text("See "), Link((Text("Python"),), "https://www.python.org/"), Text("."))),)


def test_sphinx_directives() -> None:
    blocks = parse("""\
        .. seealso:: :doc:`other`

        .. versionadded:: 3.1
           Works better.

        .. code-block:: cmake

           add_library(x)

        .. toctree::
           :maxdepth: 2

           /guide/one
           Two <two>
           /all/*
        """)
    assert blocks == (
        SeeAlso((Paragraph((CrossReference((Text("other"),), "other", "path"),)),)),
        Quote((Paragraph((Strong((Text("Added in version 3.1"),)),)), Paragraph((Text("Works better."),)))),
        CodeBlock("add_library(x)", "cmake"),
        BulletList(
            (
                (Paragraph((CrossReference((Text("/guide/one"),), "/guide/one", "path"),)),),
                (Paragraph((CrossReference((Text("Two"),), "two", "path"),)),),
            )
        ),
    )


def test_a_directive_that_nobody_knows_is_a_term_with_its_body() -> None:
    blocks = parse("""\
        .. acme:widget:: Frob(x)
           :option: 1

           What it does.

        .. class:: Thing
        """)
    assert blocks == (
        DefinitionList((Definition(((Code("Frob(x)"),),), (Paragraph((Text("What it does."),)),)),)),
        DefinitionList((Definition(((Code("Thing"),),), ()),)),
    )


def test_tables_fields_and_options() -> None:
    blocks = parse("""\
        === ===
        A   B
        === ===
        1   *2*
        === ===

        :field: body

        -x FILE  reads FILE
        """)
    assert isinstance(blocks[0], Table)
    assert [len(row) for row in blocks[0].rows] == [2, 2]
    assert blocks[1] == DefinitionList((Definition(((Strong((Text("field"),)),),), (Paragraph((Text("body"),)),)),))
    assert blocks[2] == DefinitionList((Definition(((Code("-x FILE"),),), (Paragraph((Text("reads FILE"),)),)),))


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: /etc/hostname",
        ".. include:: /etc/hostname\n   :literal:",
        ".. raw:: html\n\n   <script>alert(1)</script>",
        ".. raw:: html\n   :file: /etc/hostname",
        ".. raw:: html\n   :url: http://127.0.0.1/",
        ".. literalinclude:: /etc/hostname",
    ],
)
def test_nothing_is_included_and_nothing_raw_comes_through(directive: str) -> None:
    assert rst.parse(f"before\n\n{directive}\n\nafter\n") == (
        Paragraph((Text("before"),)),
        Paragraph((Text("after"),)),
    )


def test_a_table_is_not_read_from_a_file() -> None:
    blocks = rst.parse(".. csv-table:: t\n   :file: /etc/hostname\n")
    assert not any(isinstance(block, Table) for block in blocks)


def test_a_role_that_one_document_defines_is_unknown_to_the_next() -> None:
    source = ":shout:`x`\n"
    before = rst.parse(source)
    rst.parse(".. role:: shout(strong)\n\n.. default-role:: shout\n\n:shout:`y`\n")
    assert rst.parse(source) == before
    assert before == (Paragraph((CrossReference((Code("x"),), "x", "name", "shout"),)),)


def test_no_clock_is_read() -> None:
    assert inlines("|today|\n\n.. |today| date::\n") == (Text("today"),)


def test_a_substitution_that_names_itself_ends() -> None:
    assert inlines("|a|\n\n.. |a| replace:: |a| again\n") == (Text("a"),)


def test_a_paragraph_that_would_take_docutils_minutes_is_refused() -> None:
    with pytest.raises(ValueError, match="30000 characters without a blank line, the limit is 20000"):
        rst.parse("*a " * 10_000)
