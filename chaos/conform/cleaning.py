"""Leaving the server as it was, as far as that can be done over the wire."""

from __future__ import annotations

from chaos.conform.bench import Bench
from chaos.conform.calls import Case
from chaos.conform.template import Template
from chaos.conform.wire import Answer

MOST_NAMED = 3


def clean_up(bench: Bench) -> list[str]:
    """Compensate what may be open, then send the cleanup calls.

    Returns:
        What is left, one sentence each; names are of the prefix of this run.
    """
    stuck = [case for case in bench.open if not _gone(bench.undo(case))]
    left = _sentence("could not be compensated", stuck)
    for template in bench.spec.cleanup:
        left += _sentence(f"could not be removed by {template.method} {template.target}", _removed(bench, template))
    if not bench.spec.cleanup:
        left += _sentence("stays, as it is confirmed and no --cleanup was given", list(bench.confirmed))
    bench.evidence.clear()
    return left + ([bench.spec.leaves] if bench.spec.leaves else [])


def _removed(bench: Bench, template: Template) -> list[Case]:
    """The cases that ``template`` did not remove."""
    known = {(case.item, case.value): case for case in [*bench.open, *bench.confirmed]}
    return [case for case in known.values() if not _gone(bench.call("cleanup", case, template))]


def _gone(answer: Answer) -> bool:
    return answer.done or answer.status == 404


def _sentence(what: str, cases: list[Case]) -> list[str]:
    if not cases:
        return []
    names = ", ".join(case.item for case in cases[:MOST_NAMED]) + (", …" if len(cases) > MOST_NAMED else "")
    return [f"{len(cases)} item(s) {what}: {names}"]
