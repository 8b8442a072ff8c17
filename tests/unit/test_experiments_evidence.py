"""What a run leaves when the system it broke does not answer at the end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from chaos.experiments import evidence, run
from chaos.experiments.timeline import read_evidence

MOMENT = "2026-01-01T00:00:00+00:00"


def no_answer(since: int) -> list[dict[str, Any]]:
    raise requests.ReadTimeout("no answer")


def test_a_run_whose_fault_proxy_stayed_away_leaves_whole_evidence_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off = SimpleNamespace(
        system=SimpleNamespace(state=tmp_path),
        project="chaos-each-process-paused",
        began=0.0,
        proxy_event=0,
        knows_requests=True,
        proxy=SimpleNamespace(events=no_answer),
        machinery=SimpleNamespace(save_logs=Path.mkdir),
        report=None,
        left=["fault_proxy is paused: let it go on"],
    )
    monkeypatch.setitem(run._current, "run", broken_off)  # type: ignore[arg-type]
    monkeypatch.setattr(evidence, "saga_events", lambda system, since: [])
    journal = {"status": "interrupted", "start": MOMENT, "end": MOMENT}
    evidence.after_experiment_control({"description": "It ends."}, journal, {})
    (folder,) = (tmp_path / "evidence").iterdir()
    assert "fault_proxy is paused: let it go on" in read_evidence(folder).why
    assert {path.name for path in folder.iterdir()} >= {"report.html", "logs"}
