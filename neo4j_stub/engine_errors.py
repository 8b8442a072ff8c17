"""kglite's exceptions in Neo4j's codes. Clients decide by the code: ``TransientError`` may be retried as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import kglite

from neo4j_stub.errors import QueryFailed

_STATEMENT = "Neo.ClientError.Statement."


@dataclass(frozen=True)
class _Rule:
    """One kind of failure.

    Attributes:
        pattern: what the engine says.
        message: what Neo4j says, given the match.
        running: whether it can only be found while the statement runs.
    """

    pattern: re.Pattern[str]
    code: str
    message: Callable[[re.Match[str]], str]
    running: bool = False


_RULES = (
    _Rule(
        re.compile(r"Missing parameter: \$(\w+)"),
        f"{_STATEMENT}ParameterMissing",
        lambda m: f"Expected parameter(s): {m[1]}",
    ),
    _Rule(re.compile(r"Unknown function: (\S+)"), f"{_STATEMENT}SyntaxError", lambda m: f"Unknown function '{m[1]}'"),
    _Rule(
        re.compile(r"Undefined variable '(.+?)'"),
        f"{_STATEMENT}SyntaxError",
        lambda m: f"Variable `{m[1]}` not defined",
    ),
    _Rule(
        re.compile(r"Unknown procedure '(.+?)'"),
        "Neo.ClientError.Procedure.ProcedureNotFound",
        lambda m: f"There is no procedure with the name `{m[1]}` registered for this database instance.",
    ),
    _Rule(re.compile(r"MERGE cannot use null.*"), f"{_STATEMENT}SemanticError", lambda m: m[0]),
    _Rule(
        re.compile(r"division by zero|[Mm]odulo by zero"), f"{_STATEMENT}ArithmeticError", lambda m: "/ by zero", True
    ),
    _Rule(
        re.compile(r"Cannot delete node.*"), "Neo.ClientError.Schema.ConstraintValidationFailed", lambda m: m[0], True
    ),
)
_BY_CLASS: tuple[tuple[type[Exception], str, bool], ...] = (
    (kglite.CypherSyntaxError, f"{_STATEMENT}SyntaxError", False),
    (kglite.SchemaError, f"{_STATEMENT}SyntaxError", False),
    (kglite.ConstraintCreationError, "Neo.ClientError.Schema.ConstraintValidationFailed", False),
    (kglite.ConstraintError, "Neo.ClientError.Schema.ConstraintValidationFailed", True),
    (kglite.CypherTypeMismatchError, f"{_STATEMENT}TypeError", True),
    (kglite.CypherTimeoutError, "Neo.ClientError.Transaction.TransactionTimedOut", True),
    (kglite.TransactionConflictError, "Neo.TransientError.Transaction.Outdated", False),
    (kglite.ReadOnlyError, f"{_STATEMENT}AccessMode", False),
    (kglite.CypherExecutionError, f"{_STATEMENT}ArgumentError", True),
    (kglite.ArgumentError, f"{_STATEMENT}ArgumentError", False),
)


def translated(error: Exception) -> QueryFailed:
    """The failure that an exception of the engine means."""
    text = str(error).removeprefix("Cypher execution error: ").removeprefix("Schema error: ")
    for rule in _RULES:
        if found := rule.pattern.search(text):
            return QueryFailed(rule.code, rule.message(found), running=rule.running)
    for kind, code, running in _BY_CLASS:
        if isinstance(error, kind):
            return QueryFailed(code, text, running=running)
    return QueryFailed("Neo.DatabaseError.General.UnknownError", type(error).__name__)
