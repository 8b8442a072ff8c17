"""Runs as one HTML page that needs nothing else: verdicts, and for every run a timeline of faults and sagas."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from chaos.experiments.drawing import key, timeline
from chaos.experiments.timeline import Evidence

_STYLE = Path(__file__).with_name("page.css")
_GOOD = ("valid", "skipped")


@dataclass(frozen=True)
class Section:
    """One run on the page.

    Attributes:
        group: the heading that it stands under.
        about: what it claims or was, in a sentence.
        began, ended: Unix seconds.
        body: HTML.
        folder: where its evidence is.
        opened: whether its body shows at once, good as it is.
    """

    group: str
    name: str
    verdict: str
    about: str
    began: float
    ended: float
    body: str
    folder: str
    opened: bool = False


def section_of(run: Evidence) -> Section:
    """An experiment: why it ended so, and its timeline."""
    why = f"<p><b>{escape(run.why)}</b></p>" if run.why else ""
    body = why + timeline(run.faults, run.sagas, run.began, run.ended)
    return Section("Experiments", run.name, run.verdict, run.claim, run.began, run.ended, body, run.folder.name)


def page(sections: Sequence[Section]) -> str:
    """The page of these runs, by groups; a single one, and those that are not good, are opened."""
    groups = dict.fromkeys(section.group for section in sections)
    body = _head(sections) + "".join(_group(name, sections) for name in groups)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>Chaos report</title><style>{_STYLE.read_text()}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def chip(word: str, text: str = "") -> str:
    """A verdict, or what stands like one: ``word`` is its colour."""
    return f'<span class="chip {escape(word)}">{escape(text or word)}</span>'


def _head(sections: Sequence[Section]) -> str:
    counts = Counter(section.verdict for section in sections)
    chips = "".join(chip(verdict, f"{count} {verdict}") for verdict, count in counts.most_common())
    first, last = min(section.began for section in sections), max(section.ended for section in sections)
    when = f"{_moment(first)} to {_moment(last)} UTC"
    return f'<h1>Chaos report</h1><p class="soft">{when}</p><div class="chips">{chips}</div>{key()}'


def _group(name: str, sections: Sequence[Section]) -> str:
    rows = (_details(section, len(sections) == 1) for section in sections if section.group == name)
    return f"<h2>{escape(name)}</h2>{''.join(rows)}"


def _details(section: Section, alone: bool) -> str:
    is_open = " open" if alone or section.opened or section.verdict not in _GOOD else ""
    line = f"{chip(section.verdict)}<b>{escape(section.name)}</b>"
    line += f'<span class="about soft">{escape(section.about)}</span><time>{section.ended - section.began:.1f} s</time>'
    where = f'<p class="soft">{_moment(section.began)} UTC, evidence: <code>{escape(section.folder)}</code></p>'
    return f'<details{is_open}><summary>{line}</summary><div class="body">{section.body}{where}</div></details>'


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
