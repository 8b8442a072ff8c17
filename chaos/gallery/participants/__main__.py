"""``python -m chaos.gallery.participants NAME [--port N]`` serves one; ``--token PROJECT`` prints a token."""

from __future__ import annotations

import argparse
import tempfile
from importlib import import_module
from pathlib import Path

from werkzeug.serving import make_server

from chaos.gallery.participants import NAMES
from chaos.gallery.participants.protocol import token


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m chaos.gallery.participants", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, default="right")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--token", metavar="PROJECT")
    said = parser.parse_args()
    if said.token:
        print(token(said.token))
        return
    with tempfile.TemporaryDirectory() as folder:
        app = import_module(f"chaos.gallery.participants.{said.name}").make(Path(folder))
        make_server("127.0.0.1", said.port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
