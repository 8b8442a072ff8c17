"""What can be done to the processes of a running system from outside: one interface, whoever runs them.

Local processes and the containers of docker compose each implement it; the state folder says which it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from chaos.compose_project import ComposeProject


class CannotDo(Exception):
    """What was asked of a process did not happen; the message says why."""


class Machinery(Protocol):
    """Every method names a process as the testbed does, ``worker`` for all workers, and raises CannotDo."""

    def kill(self, name: str) -> None:
        """kill -9; returns when nothing of it is left. It stays dead until ``start``."""

    def stop(self, name: str) -> None:
        """Ask it to end, and wait for that."""

    def pause(self, name: str) -> None:
        """It is alive and does nothing."""

    def resume(self, name: str) -> None:
        """It goes on after ``pause``."""

    def start(self, name: str, *, own_mounts: bool = False) -> None:
        """Start it again on its old data; returns once it answers.

        Args:
            own_mounts: so that its disk can be made read-only; not in a container.
        """

    def limit_files(self, name: str, full: bool) -> None:
        """While ``full``, let every write of it to a file fail, as on a disk without room (with EFBIG)."""

    def start_second_worker(self, clock: float | None) -> None:
        """Start one more worker, just like the first, which may be paused; returns once it is ready.

        Args:
            clock: seconds that its wall clock is ahead; None: it has the true time.
        """

    def stop_second_workers(self) -> None:
        """Let them finish what they work on, and end them."""

    def rotate_keys(self) -> None:
        """Put new signing keys in front of the old ones; who is started after this has both."""

    def save_logs(self, folder: Path) -> None:
        """Copy what every process wrote into ``folder``, a file each."""


def machinery_of(state: Path) -> Machinery:
    """What runs the system of this state folder."""
    from chaos.machinery.containers import Containers
    from chaos.machinery.local import LocalProcesses

    project = ComposeProject.of(state)
    return LocalProcesses(state) if project is None else Containers(project)
