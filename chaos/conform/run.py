"""Runs every check against one server, and judges."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from chaos.auditor.verdicts import Verdict
from chaos.conform import checks  # noqa: F401 - registers them
from chaos.conform.bench import Bench
from chaos.conform.calls import Calls, Tokens
from chaos.conform.cleaning import clean_up
from chaos.conform.registry import CHECKS, Broken, CannotTell, Check, NotClaimed
from chaos.conform.report import Report, Result
from chaos.conform.spec import Spec

ROUNDS = 30
TIMEOUT = 10.0  # seconds


def names() -> list[str]:
    """The names of all checks, in the order in which they run."""
    return [check.name for check in CHECKS]


def conform(
    url: str,
    spec: Spec,
    *,
    prefix: str,
    tokens: Tokens = lambda project: None,
    restart: Callable[[], None] | None = None,
    seed: int = 1,
    rounds: int = ROUNDS,
    timeout: float = TIMEOUT,
    only: Sequence[str] = (),
    on_start: Callable[[Check], None] = lambda check: None,
    on_result: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Hold the server at ``url`` against every rule of a participant; what this makes there is taken back in any case.

    Args:
        prefix: of every name that is made there. A server remembers sagas: use each once.
        tokens: a token for a project; "" sends none, None leaves it to the headers of ``spec``.
        restart: restarts the server and returns when it answers.
        seed: the same seed chooses the same values and interleavings.
        rounds: how often what depends on chance is repeated.
        timeout: seconds of silence after which an answer is given up.
        only: names of the checks to run; all when empty.
    """
    started = time.monotonic()
    bench = Bench(Calls(url.rstrip("/"), spec, tokens, prefix), seed, rounds, timeout, restart)
    results = []
    try:
        for check in CHECKS:
            if not only or check.name in only:
                on_start(check)
                results.append(judge(check, bench))
                on_result(results[-1])
    finally:
        left = clean_up(bench)
    seconds = time.monotonic() - started
    return Report(url, prefix, seed, rounds, tuple(results), tuple(left), bench.requests, seconds)


def judge(check: Check, bench: Bench) -> Result:
    """Run one check. One that crashes is unknown, and unknown is never green."""
    bench.evidence.clear()
    if check.name in bench.spec.skip:
        return Result(check, None, "left out (--skip)")
    try:
        check.run(bench)
    except NotClaimed as reason:
        return Result(check, None, str(reason))
    except Broken as broken:
        return Result(check, Verdict.INVALID, str(broken), tuple(bench.evidence))
    except CannotTell as reason:
        return Result(check, Verdict.UNKNOWN, str(reason), tuple(bench.evidence))
    except Exception as crash:
        return Result(check, Verdict.UNKNOWN, f"the check itself crashed: {crash!r}", tuple(bench.evidence))
    return Result(check, Verdict.VALID)
