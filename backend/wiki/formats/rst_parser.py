"""docutils, set up so that it only parses: it opens no file, fetches nothing, runs no raw markup, knows no clock."""

from __future__ import annotations

from functools import cache
from typing import Any

from docutils import frontend, nodes, utils
from docutils.parsers.rst import Directive, Parser, directives, states

ROLE = "role"  # attribute of an inline node: the role as the author wrote it
DIRECTIVE = "directive"  # attribute of a literal block: it is a directive's source, still to be read

_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "syntax_highlight": "none",
    "line_length_limit": 100_000,
}


def parse_document(text: str) -> nodes.document:
    """The document tree, without docutils' transforms: references in it are still names."""
    settings = _defaults().copy()
    for name, value in _SETTINGS.items():
        setattr(settings, name, value)
    document = utils.new_document("document", settings)
    inliner = states.Inliner()
    # Not a subclass: docutils builds its patterns from `vars()` of the very class.
    inliner.interpreted = _keep_role  # type: ignore[method-assign]
    Parser(inliner=inliner).parse(text, document)
    return document


@cache
def _defaults() -> Any:
    return frontend.get_default_settings(Parser)


def _keep_role(
    rawsource: str, text: str, role: str, lineno: int
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """In place of a look-up: projects bring their own roles, and what `:command:` means is decided later."""
    return [nodes.inline(rawsource, utils.unescape(text), **{ROLE: role or "title-reference"})], []


class _Ignored(Directive):
    """In place of directives that would read a file or the clock, or change how later documents are parsed."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        return []


class _Kept(_Ignored):
    """In place of directives to which Sphinx gives another meaning than docutils does."""

    def run(self) -> list[nodes.Node]:
        return [nodes.literal_block(self.block_text, self.block_text, **{DIRECTIVE: True})]


for _name in ("date", "role", "default-role", "include", "raw"):
    directives.register_directive(_name, _Ignored)
directives.register_directive("class", _Kept)
