"""What a container's healthcheck runs: `python -m service_kit.alive URL_OR_FILE`.

A URL is alive when it answers with 2xx; a file, when its owner touched it a moment ago. The images have no curl.
"""

from __future__ import annotations

import http.client
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE = 15.0  # seconds for an answer
FRESH = 30.0  # seconds since the last touch


def answers(url: str) -> bool:
    """Whether ``url`` (http only) answers with 2xx in time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE)
    try:
        connection.request("GET", parts.path or "/")
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_fresh(file: Path, now: float) -> bool:
    """Whether ``file`` was touched in the last ``FRESH`` seconds before ``now`` (Unix seconds)."""
    try:
        return now - file.stat().st_mtime < FRESH
    except FileNotFoundError:
        return False


def main(what: str) -> int:
    """Exit status 0 when it is alive, else 1."""
    return 0 if (answers(what) if what.startswith("http://") else is_fresh(Path(what), time.time())) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
