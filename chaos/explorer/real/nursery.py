"""`python -m chaos.explorer.real.nursery`: imports what all processes of a stage need, and forks them when told to.

A process that is killed is started again in milliseconds that way; it shares nothing with the others but its code. The
first line on standard input says what the stage is; each further one asks for a process, and is answered with its pid.
When the input ends, whoever is left is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from chaos.explorer.real.coordinator import coordinate
from chaos.explorer.real.participant import serve
from chaos.explorer.real.processes import HOST
from chaos.explorer.registry import scenario_of
from chaos.explorer.tokens import Tokens
from chaos.fault_proxy.__main__ import main as fault_proxy

KEYS = "INTERNAL_TOKEN_KEYS"


class Nursery:
    """Forks the processes of one stage."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._folder, self._control = Path(plan["folder"]), Path(plan["control"])
        self._scenario, self._tokens = scenario_of(plan["scenario"]), Tokens(os.environ[KEYS])
        self._machines = {one.name: one for one in self._scenario.machines(self._folder, self._tokens)}
        self._started: set[int] = set()

    def start(self, order: dict[str, Any]) -> int:
        """Fork a participant (``port``), a coordinator (``disk``) or the fault proxy (``api_port``) called ``name``.

        Returns:
            its pid, which leads a group.
        """
        if pid := os.fork():
            self._started.add(pid)
            return pid
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _redirect(self._folder / f"{order['name'].replace(' ', '-')}.log")
        try:
            self._work(order)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(0)

    def _work(self, order: dict[str, Any]) -> None:
        name, scenario, control, tokens = order["name"], self._scenario, self._control, self._tokens
        if "api_port" in order:
            fault_proxy(["-host", HOST, "-port", str(order["api_port"])])
        elif "port" in order:
            serve(self._machines[name], order["port"], control, order["links"], scenario.describe, tokens)
        else:
            coordinate(scenario, name, Path(order["disk"]), control, order["links"], tokens)

    def kill_all(self) -> None:
        for pid in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def reap(self, *_: object) -> None:
        """Whoever ended must not stay as a zombie."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._started.discard(ended)


def _redirect(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def main() -> None:
    nursery = Nursery(json.loads(sys.stdin.readline()))
    signal.signal(signal.SIGCHLD, nursery.reap)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    try:
        for line in sys.stdin:
            print(json.dumps({"pid": nursery.start(json.loads(line))}), flush=True)
    finally:
        nursery.kill_all()
        os._exit(0)  # nothing is left to tidy up, and so much was imported that Python would take its time


if __name__ == "__main__":
    main()
