"""What only a container that sees all disks can answer about a system that docker compose runs.

python -m chaos.inside audit SECONDS     the whole report, once no saga is open or parked, or SECONDS are over
python -m chaos.inside events SINCE      the saga log's events since then (Unix seconds), one JSON object a line
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from chaos.compose_project import TOLD
from chaos.experiments.auditing import audit_when_quiet
from chaos.experiments.evidence import saga_events
from chaos.running_system import RunningSystem


def main(what: str, number: float) -> None:
    """Print the answer."""
    system = RunningSystem.load(Path(os.environ["TESTBED_STATE"]))
    if what == "audit":
        journal = system.state / TOLD
        report = audit_when_quiet(system, number, journal=journal if journal.exists() else None)
        print(json.dumps(report.to_json()))
        return
    for event in saga_events(system, number):
        print(json.dumps(event))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
