"""Where Locust finds what it runs. Does not import Locust, which replaces the standard library's sockets."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
SHAPES = {path.stem: path for path in (LOCUSTFILE.parent / "shapes").glob("[a-z]*.py")}
"""How the number of users may change, by name."""
