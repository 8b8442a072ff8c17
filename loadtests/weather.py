"""Faults that come and go while a load test runs, each for a moment, in an order that the seed decides.

    python -m loadtests.weather --state DIR --chaos mixed --seconds 15 --seed 7 --record faults.jsonl

It ends by itself after ``--seconds``, or on SIGTERM or SIGINT, and always heals what it broke. A fault that cannot be
brought about or mended ends it with exit status 1: a load test without its faults proves nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from chaos.experiments.proxy import FaultProxy
from chaos.running_system import RunningSystem
from loadtests.faults import CHAOS, FAULTS, Scene, series_of

LASTS = (0.5, 2.5)  # seconds
CALM = (0.2, 1.0)  # seconds between two faults of a series
CALM_AFTER_KILL = (0.5, 2.5)  # recovery is to be seen, too


@dataclass
class Weather:
    """Brings faults to a running system.

    Attributes:
        record: one JSON line a fault: which, where, from when to when (Unix seconds).
    """

    system: RunningSystem
    seed: int
    record: TextIO
    over: threading.Event = field(default_factory=threading.Event)

    def blow(self, chaos: str, seconds: float) -> int:
        """Let faults of the kind ``chaos`` come and go for ``seconds``; returns how many came.

        Raises:
            UnknownFault: there is no such chaos, or the proxy cannot do it.
            Exception: whatever kept a fault from coming or going; then no more come.
        """
        proxy = FaultProxy(self.system)
        wanted = series_of(chaos, knows_requests=proxy.knows_requests)
        timer = threading.Timer(seconds, self.over.set)
        timer.start()
        try:
            with ThreadPoolExecutor(len(wanted)) as pool:
                return sum([done.result() for done in [pool.submit(self._blow, *one) for one in enumerate(wanted)]])
        finally:
            timer.cancel()
            proxy.heal()

    def _blow(self, number: int, faults: Sequence[str]) -> int:
        scene, count = Scene(self.system, random.Random(f"{self.seed}-{number}")), 0
        try:
            while not self.over.is_set():
                name = scene.chance.choice(faults)
                began = time.time()
                with FAULTS[name](scene) as where:
                    self.over.wait(scene.chance.uniform(*LASTS))
                line = {"fault": name, "where": where, "began": began, "ended": time.time()}
                self.record.write(json.dumps(line) + "\n")
                self.record.flush()
                count += 1
                self.over.wait(scene.chance.uniform(*(CALM_AFTER_KILL if name == "kill" else CALM)))
        finally:
            self.over.set()  # one series without the other is not what was asked for
        return count


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.weather", description=__doc__.partition("\n")[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--chaos", choices=list(CHAOS), default="mixed")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--record", type=Path, required=True)
    given = parser.parse_args(arguments)
    with given.record.open("a") as record:
        weather = Weather(RunningSystem.load(given.state), given.seed, record)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: weather.over.set())
        weather.blow(given.chaos, given.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
