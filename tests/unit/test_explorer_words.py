"""The explorer's words for what it found, and the auditor's, which judges its runs."""

from __future__ import annotations

from chaos.auditor.verdicts import Word
from chaos.explorer.scenario import Anomaly


def test_the_explorer_knows_every_word_of_the_auditor_and_one_that_only_a_trace_shows() -> None:
    assert set(map(str, Anomaly)) == {*map(str, Word), str(Anomaly.OVERTAKEN)}
