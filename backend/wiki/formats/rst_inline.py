"""The inline part of reStructuredText: roles, references, substitutions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from docutils import nodes

from backend.wiki.formats.rst_parser import ROLE
from backend.wiki.formats.urls import STANDARDS, link_to
from backend.wiki.model import Code, CrossReference, Emphasis, Inline, Inlines, Link, Strong, Text

_CODE_ROLES = {
    "code",
    "literal",
    "samp",
    "kbd",
    "file",
    "program",
    "envvar",
    "option",
    "command-line",
    "math",
    "mimetype",
}
_EMPHASIS_ROLES = {
    "emphasis",
    "title-reference",
    "title",
    "t",
    "dfn",
    "abbr",
    "guilabel",
    "menuselection",
    "abbreviation",
}
_TEXT_ROLES = {"ref", "doc", "term", "any", "numref", "guide", "manual"}  # their text is a title, others show a name
_PLAIN_ROLES = {"sub", "subscript", "sup", "superscript", "rfc-reference"}
_CODE = (nodes.literal, nodes.math, nodes.option_group)
_WRAPPERS: dict[type[nodes.Node], type[Emphasis] | type[Strong]] = {
    nodes.emphasis: Emphasis,
    nodes.title_reference: Emphasis,
    nodes.classifier: Emphasis,
    nodes.strong: Strong,
    nodes.field_name: Strong,
}
# "text <target>"; but "$<CONFIG>" and the like are names of their own.
_EXPLICIT_TARGET = re.compile(r"^(?P<text>[^$]*[^$\s])\s*<(?P<target>[^<>]+)>$")


class InlineReader:
    """Reads the inlines of one document, whose own targets and substitutions it knows."""

    def __init__(self, document: nodes.document) -> None:
        self._urls: Mapping[str, str] = {
            name: target["refuri"]
            for target in document.findall(nodes.target)
            if target.get("refuri")
            for name in target["names"]
        }
        self._substitutions = document.substitution_defs

    def read(self, children: Iterable[nodes.Node]) -> Inlines:
        return tuple(inline for child in children for inline in self._inline(child))

    def _inline(self, node: nodes.Node) -> Inlines:
        if isinstance(node, _CODE):
            return (Code(node.astext()),)
        if wrapper := _WRAPPERS.get(type(node)):
            return (wrapper(self.read(node.children)),)
        match node:
            case nodes.Text() | nodes.problematic():
                return (Text(node.astext()),)
            case nodes.inline() if ROLE in node:
                return (role(node[ROLE], node.astext()),)
            case nodes.reference():
                return (self._reference(node),)
            case nodes.footnote_reference() | nodes.citation_reference():
                return (Text(f"[{node.astext() or '*'}]"),)
            case nodes.substitution_reference():
                return self._substitution(node)
            case nodes.image():
                return (link_to(node["uri"], (Text(node.get("alt", "image")),)),)
            case nodes.system_message() | nodes.comment():
                return ()
        return self.read(node.children)

    def _reference(self, node: nodes.reference) -> Inline:
        children = self.read(node.children)
        url = node.get("refuri") or self._urls.get(node.get("refname", ""))
        if url:
            return link_to(url, children)
        return CrossReference(children, node.get("refname", ""), "label")

    def _substitution(self, node: nodes.Element) -> Inlines:
        """One level deep: a substitution that names another one (or itself) shows the name."""
        definition = self._substitutions.get(node.get("refname", ""))
        if definition is None or any(definition.findall(nodes.substitution_reference)):
            return (Text(node.astext()),)
        return self.read(definition.children)


def role(name: str, text: str) -> Inline:
    """What `:name:`text`` means. A role unknown here is a reference by name, as most projects' own roles are."""
    kind = name.lower().rpartition(":")[2]
    if kind in _CODE_ROLES:
        return Code(text)
    if kind in _EMPHASIS_ROLES:
        return Emphasis((Text(text),))
    if kind == "strong":
        return Strong((Text(text),))
    if kind in _PLAIN_ROLES:
        return Text(text)
    if kind in STANDARDS:
        return _standard(kind, text)
    return _cross_reference(kind, text)


def _standard(kind: str, text: str) -> Inline:
    explicit = _EXPLICIT_TARGET.match(text)
    number, _, _ = (explicit["target"] if explicit else text).partition("#")
    label, url = STANDARDS[kind]
    if not number.strip().isdecimal():
        return Text(text)
    return Link((Text(explicit["text"] if explicit else label.format(number)),), url.format(number.strip()))


def _cross_reference(kind: str, text: str) -> Inline:
    explicit = _EXPLICIT_TARGET.match(text)
    shown, target = (explicit["text"], explicit["target"]) if explicit else (text, text)
    shown, target = shown.lstrip("!"), target.lstrip("!~")
    if not explicit and text.startswith("~"):  # Sphinx: `~package.module.name` shows "name"
        shown = target.rpartition(".")[2]
    children: Inlines = (Text(shown),) if kind in _TEXT_ROLES or explicit else (Code(shown),)
    if kind == "doc":
        return CrossReference(children, target, "path")
    return CrossReference(children, target, "label" if kind in ("ref", "numref") else "name", kind)
