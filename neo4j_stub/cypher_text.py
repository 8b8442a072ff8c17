"""What must be known of a Cypher statement before the engine sees it. No parser: a scanner of its tokens.

The engine takes several statements at once, statements that answer nothing, and no block comments; Neo4j does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<quoted>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:``|[^`])*`)
      | (?P<word>[^\W\d]\w*)
      | (?P<other>\$\w+|\d[\w.]*|\s+|.)""",
    re.VERBOSE | re.DOTALL,
)
_CLAUSES = frozenset(
    {"MATCH", "WITH", "UNWIND", "RETURN", "CREATE", "MERGE", "SET", "DELETE", "REMOVE", "FOREACH", "CALL", "YIELD"}
    | {"DROP", "SHOW", "FINISH", "LOAD"}
)
_AFTER_FIELDS = frozenset({"ORDER", "SKIP", "LIMIT", "UNION"})
_ALIAS = re.compile(r"\bAS\s+`?(\w+)`?\s*$", re.IGNORECASE)
_NEEDS_MORE = frozenset({"MATCH", "WITH", "UNWIND"})


def tokens(statement: str) -> Iterator[tuple[str, str]]:
    """The (kind, text) of each token: comment, quoted, word or other. Joined, the texts are the statement."""
    for found in _TOKEN.finditer(statement):
        yield found.lastgroup or "other", found[0]


def without_block_comments(statement: str) -> str:
    """The statement with a blank in the place of each ``/* */``."""
    return "".join(" " if kind == "comment" and text.startswith("/*") else text for kind, text in tokens(statement))


def count_statements(statement: str) -> int:
    """How many statements are there, parted by semicolons."""
    count, inside = 0, False
    for kind, text in tokens(statement):
        if kind == "other" and text == ";":
            inside = False
        elif kind != "comment" and text.strip() and not inside:
            count, inside = count + 1, True
    return count


def top_level(statement: str) -> list[tuple[str, str]]:
    """The tokens that stand outside all brackets, with blanks and comments left out."""
    depth, found = 0, []
    for kind, text in tokens(statement):
        if kind == "other" and text in "([{":
            depth += 1
        elif kind == "other" and text in ")]}":
            depth -= 1
        elif depth == 0 and kind != "comment" and text.strip():
            found.append((kind, text))
    return found


def last_clause(statement: str) -> str | None:
    """The keyword of the last clause, upper case."""
    last, before = None, ""
    for kind, text in top_level(statement):
        word = text.upper()
        if kind == "word" and word in _CLAUSES and before not in (".", ":", "STARTS", "ENDS", "ON"):
            last = word
        before = word
    return last


def cannot_end(statement: str) -> str | None:
    """The clause that a statement may not end with but does, or None: Neo4j refuses what neither answers nor writes."""
    last = last_clause(statement)
    return last if last in _NEEDS_MORE else None


def returned_fields(statement: str) -> list[str]:
    """The column names that the last RETURN promises."""
    items: list[str] = []
    inside, depth = False, 0
    for kind, text in tokens(statement):
        depth += (text in "([{") - (text in ")]}") if kind == "other" else 0
        word = text.upper() if kind == "word" and depth == 0 else ""
        if word == "RETURN":
            items, inside = [""], True
        elif word in _AFTER_FIELDS:
            inside = False
        elif inside and text == "," and depth == 0:
            items.append("")
        elif inside and word != "DISTINCT":
            items[-1] += text
    return [alias[1] if (alias := _ALIAS.search(item)) else item.strip() for item in items]
