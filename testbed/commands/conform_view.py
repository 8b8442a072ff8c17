"""A run of `testbed conform` as people like to watch it: one line a check, and a paragraph for each that failed."""

from __future__ import annotations

import textwrap
from types import TracebackType

from rich.console import Console
from rich.text import Text

from chaos.auditor.rendering import COLOUR
from chaos.auditor.verdicts import Verdict
from chaos.conform.evidence import Exchange
from chaos.conform.registry import Check
from chaos.conform.report import Report, Result

MARKS = {Verdict.VALID: "✓", Verdict.INVALID: "✗", Verdict.UNKNOWN: "?", None: "–"}
MOST_EVIDENCE = 8  # exchanges; --json has all
WIDTH = 110
INDENT = "    "


class View:
    """Shows checks as they are judged.

    Args:
        quiet: shows nothing until the end.
    """

    def __init__(self, out: Console, *, quiet: bool) -> None:
        self._out = Console(quiet=True) if quiet else out
        self._status = self._out.status("")

    def __enter__(self) -> View:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def start(self, check: Check) -> None:
        """A check begins."""
        self._status.update(check.sentence)

    def result(self, result: Result) -> None:
        """A check is judged."""
        self._out.print(_line(result))
        if result.verdict is Verdict.INVALID:
            self._out.print(_paragraph(result))
        elif result.said:
            self._out.print(Text(_wrapped(result.said), style="dim"))

    def end(self, report: Report) -> None:
        """All is done."""
        for sentence in report.left:
            self._out.print(Text(f"left behind: {sentence}", style="yellow"))
        self._out.print(_summary(report))


def _line(result: Result) -> Text:
    style = COLOUR[result.verdict] if result.verdict else "dim"
    text = Text(f"{MARKS[result.verdict]} {result.check.name}", style=style)
    return text.append(f"  {result.check.sentence} [{result.check.rule}]", style="default")


def _paragraph(result: Result) -> Text:
    text = Text(_wrapped(result.said), style="bold")
    text.append("\n" + _wrapped(f"What a saga suffers from it: {result.check.suffers}"), style="not bold")
    text.append("\n" + _wrapped(f"How to mend it: {result.check.mend}"), style="not bold")
    for exchange in result.evidence[-MOST_EVIDENCE:]:
        text.append("\n" + _evidence(exchange), style="not bold dim")
    return text


def _evidence(exchange: Exchange) -> str:
    return f"{INDENT}  {textwrap.shorten(str(exchange), 2 * WIDTH, placeholder=' …')}"


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)


def _summary(report: Report) -> Text:
    counts = {str(verdict or "not claimed"): len(report.named(verdict)) for verdict in (*Verdict, None)}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    text = Text("verdict: ", style="bold").append(str(report.verdict), style=f"bold {COLOUR[report.verdict]}")
    rest = (
        f"; {report.requests} requests in {report.seconds:.1f} s; names begin with {report.prefix}, seed {report.seed}"
    )
    return text.append(f": {told}{rest}", style="not bold")
