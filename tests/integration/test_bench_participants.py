"""The benchmark runs, and measures what it says: no figure is asserted, because another machine has others."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_every_way_of_the_benchmark_is_measured() -> None:
    command = [sys.executable, "-m", "testbed.bench.participants", "--rounds", "2", "--files", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["ways"]) == 11
    assert all(figure > 0 for row in found["ways"].values() for figure in row.values())
    assert found["ways"]["plain git"]["times_plain"] == found["ways"]["plain loop"]["times_plain"] == 1.0
    assert 0 < found["batch_times_single"]["lower_quartile"] <= found["batch_times_single"]["upper_quartile"]
