"""Mount namespaces: how a process gets one of its own on this machine, and a folder in it that cannot be written.

Only Linux has them. Root, and where the kernel lets them (``user.max_user_namespaces``, AppArmor) other users, too, may
make one with util-linux's ``unshare`` and change the mounts in it with ``nsenter``; nobody outside sees anything of it.
"""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path

READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
WRITABLE = 'umount --lazy "$0"'  # git may still be reading
_WAYS = {
    ("unshare", "--user", "--map-root-user", "--mount"): ("--user", "--preserve-credentials", "--mount"),
    ("unshare", "--mount"): ("--mount",),
}
"""What a command is put behind to get mounts of its own, and how nsenter gets to them later."""
_TRIAL = f'{READ_ONLY} && ! touch "$0/x" 2>/dev/null && {WRITABLE} && touch "$0/x"'


class NoMounts(Exception):
    """This machine does not let us; the message says what is missing."""


@cache
def own_mounts() -> tuple[str, ...]:
    """What a command is put behind to get mounts of its own. Raises NoMounts."""
    for way in _WAYS:
        if _works(way):
            return way
    raise NoMounts("a folder cannot be made read-only here: mount namespaces need Linux with unshare, and the right")


def change(pid: int, folder: Path, script: str) -> None:
    """Run READ_ONLY or WRITABLE for ``folder`` in the mounts of process ``pid``. Raises NoMounts."""
    command = ["nsenter", "--target", str(pid), *_WAYS[own_mounts()], "sh", "-c", script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoMounts(f"the mounts of process {pid} cannot be changed: {done.stderr.strip()}")


def _works(way: tuple[str, ...]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return subprocess.run([*way, "sh", "-c", _TRIAL, folder], capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False
