"""How many schedules per second the explorer runs: ``python -m testbed.bench.explorer``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.explorer.exploration import explore
from chaos.explorer.record import Report
from chaos.explorer.registry import scenario_of

ANCHORS = "Filibuster runs 3 to 9 schedules a second and Reynard about 12, both over real processes"


def measure(processes: int) -> dict[str, Any]:
    """One fault and two faults, each from a cold start."""
    return {
        f"faults_{faults}": _figures(explore(scenario_of("wiki"), faults=faults, processes=processes))
        for faults in (1, 2)
    }


def _figures(report: Report) -> dict[str, Any]:
    return {
        "schedules": report.runs,
        "seconds": round(report.seconds, 2),
        "per_second": round(report.rate, 1),
        "real_calls": report.real_calls,
        "verdict": str(report.verdict),
    }


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    found = measure(options.processes)
    table = Table("wiki saga, three files", "schedules", "seconds", "per second", "real calls", "verdict")
    for name, figures in found.items():
        table.add_row(name.replace("_", " "), *(str(value) for value in figures.values()))
    Console().print(table, f"{options.processes} processes. {ANCHORS}.")
    if options.json:
        options.json.write_text(json.dumps({"processes": options.processes, **found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
