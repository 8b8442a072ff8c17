"""Directives that docutils does not know: Sphinx's, and whatever a project defined for itself.

Each is read from its source: `.. name:: argument`, options, an indented body that is reStructuredText again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent

from backend.wiki.model import (
    Blocks,
    BulletList,
    Code,
    CodeBlock,
    CrossReference,
    Definition,
    DefinitionList,
    Paragraph,
    Quote,
    SeeAlso,
    Strong,
    Text,
)

Parse = Callable[[str], Blocks]

_HEAD = re.compile(r"\.\.\s+(?:\|[^|\n]*\|\s+)?(?P<name>[\w.:+-]+?)\s*::[ \t]*(?P<rest>.*)\Z", re.DOTALL)
_OPTION = re.compile(r":[\w -]+:(?:\s|$)")
_ENTRY = re.compile(r"^(?:(?P<text>.+?)\s*<(?P<target>[^<>]+)>|(?P<plain>\S+))$")


@dataclass(frozen=True, slots=True)
class _Directive:
    name: str
    argument: str
    body: str


def read(source: str, parse: Parse) -> Blocks:
    """Blocks for the directive in `source`; text that is no directive is shown as code."""
    match = _HEAD.match(source.strip())
    if not match:
        return (CodeBlock(source),)
    directive = _split(match["name"].lower(), match["rest"])
    reader = _READERS.get(directive.name.rpartition(":")[2], _described)
    return reader(directive, parse)


def _split(name: str, rest: str) -> _Directive:
    """Argument: up to the first blank line or option. Body: what follows the options."""
    first, _, block = rest.partition("\n")
    lines = dedent(block).split("\n")
    argument = [first.strip()]
    while lines and lines[0].strip() and not _OPTION.match(lines[0]) and first.strip():
        argument.append(lines.pop(0).strip())
    while lines and (_OPTION.match(lines[0]) or (lines[0][:1] == " " and lines[0].strip())):
        lines.pop(0)
    return _Directive(name, "\n".join(argument).strip(), "\n".join(lines).strip("\n"))


def _nothing(directive: _Directive, parse: Parse) -> Blocks:
    return ()


def _body(directive: _Directive, parse: Parse) -> Blocks:
    return parse(directive.body)


def _described(directive: _Directive, parse: Parse) -> Blocks:
    """`.. command:: name` and its like: the argument is a term, the body says what it is."""
    terms = tuple((Code(line),) for line in directive.argument.split("\n") if line)
    body = parse(directive.body)
    return (DefinitionList((Definition(terms, body),)),) if terms else body


def _see_also(directive: _Directive, parse: Parse) -> Blocks:
    return (SeeAlso(parse(f"{directive.argument}\n\n{directive.body}")),)


def _code(directive: _Directive, parse: Parse) -> Blocks:
    return (CodeBlock(directive.body, directive.argument),)


def _version_note(directive: _Directive, parse: Parse) -> Blocks:
    words = {"versionadded": "Added in", "versionchanged": "Changed in", "deprecated": "Deprecated since"}
    word = words.get(directive.name, "Removed in")
    version, remark = (*directive.argument.split(None, 1), "", "")[:2]
    title = Paragraph((Strong((Text(f"{word} version {version}"),)),))
    return (Quote((title, *parse(f"{remark}\n\n{directive.body}"))),)


def _admonition(directive: _Directive, parse: Parse) -> Blocks:
    title = Paragraph((Strong((Text(directive.argument or directive.name.capitalize()),)),))
    return (Quote((title, *parse(directive.body))),)


def _toctree(directive: _Directive, parse: Parse) -> Blocks:
    entries = [match for line in directive.body.split("\n") if (match := _ENTRY.match(line.strip()))]
    references = [
        CrossReference((Text(entry["text"] or entry["plain"]),), entry["target"] or entry["plain"], "path")
        for entry in entries
        if entry["plain"] != "self" and "*" not in entry[0]
    ]
    return (BulletList(tuple((Paragraph((reference,)),) for reference in references)),) if references else ()


_READERS: dict[str, Callable[[_Directive, Parse], Blocks]] = {
    **dict.fromkeys(("only", "ifconfig", "hlist", "glossary", "tabs", "grid", "rst-class", "details"), _body),
    **dict.fromkeys(("code", "code-block", "sourcecode", "productionlist", "parsed-literal", "doctest"), _code),
    **dict.fromkeys(("testcode", "testoutput", "prompt", "mermaid", "graphviz", "program-output"), _code),
    **dict.fromkeys(("versionadded", "versionchanged", "deprecated", "versionremoved"), _version_note),
    **dict.fromkeys(("todo", "tip", "note", "warning", "tab", "dropdown", "card"), _admonition),
    **dict.fromkeys(("index", "highlight", "module", "currentmodule", "default-domain", "tabularcolumns"), _nothing),
    **dict.fromkeys(("testsetup", "testcleanup", "literalinclude", "contents", "sectionauthor"), _nothing),
    "seealso": _see_also,
    "toctree": _toctree,
}
