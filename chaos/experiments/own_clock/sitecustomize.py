"""A wall clock of its own for one Python process, without root, and without a line in the program that gets it.

With this folder first on PYTHONPATH, Python imports this module before the program: then ``time.time()`` tells the
true time plus the seconds that stand in the file named by OWN_CLOCK_FILE, read anew each time, so that the clock can
jump while the program runs. Like a real jump it moves the wall clock alone: monotonic time and sleeps go on as ever.
"""

import os
import time
from pathlib import Path

FILE = "OWN_CLOCK_FILE"


def install(path: Path) -> None:
    """Let the clock of this process be off by the seconds in ``path``; it is right while there is no such file."""
    true_seconds, true_nanoseconds = time.time, time.time_ns

    def offset() -> float:
        try:
            return float(path.read_text())
        except FileNotFoundError:
            return 0.0

    time.time = lambda: true_seconds() + offset()
    time.time_ns = lambda: true_nanoseconds() + int(offset() * 1e9)


if FILE in os.environ:
    install(Path(os.environ[FILE]))
