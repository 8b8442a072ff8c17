"""`python -m chaos.machinery.file_limit full|free`: lets every write to a file fail in a container, or succeed again.

A limit on the size of files that needs no root: only the soft one, which the owner of a process may raise again.
"""

from __future__ import annotations

import sys

import psutil


def limit(process: psutil.Process, full: bool) -> None:
    """Set the limit of one process."""
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0 if full else hard, hard))


if __name__ == "__main__":
    own = psutil.Process()
    for found in psutil.process_iter():
        if found != own:
            limit(found, sys.argv[1] == "full")
