"""Runs the git binary: isolated from every configuration but ours, durable, and never without the project's lock."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from service_kit.settings import CannotStart

log = logging.getLogger(__name__)

TIMEOUT = 60.0  # seconds; a git process that takes longer hangs
OLDEST = (2, 36)  # the first with core.fsync
_CONFIG = {
    "core.fsync": "all",  # packs, indexes and refs are on disk when git says done (git >= 2.36)
    "core.hooksPath": "/dev/null",
    "core.logAllRefUpdates": "false",  # a reflog would keep undone commits reachable
    "gc.auto": "0",  # our own maintenance runs under the project's lock
    "gc.autoDetach": "false",
    "gc.packRefs": "false",
    "gc.writeCommitGraph": "false",
    "safe.directory": "*",
    "uploadpack.allowFilter": "true",
}
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENFILE, errno.EIO)


class GitMissing(CannotStart):
    """The service cannot start without a git binary, or with one that cannot force refs to disk."""


class GitFailed(Exception):
    """git said no. ``reason`` is its last line of complaint; it may name files, so it goes to the log only."""

    def __init__(self, command: str, reason: str):
        super().__init__(f"git {command} failed: {reason}")
        self.reason = reason


def git_environment(home: Path) -> dict[str, str]:
    """The whole environment of a git process: no user's or machine's configuration reaches it."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_COUNT": str(len(_CONFIG)),
    }
    for number, (key, value) in enumerate(_CONFIG.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


class Git:
    """The git binary, run with ``home`` as its home folder.

    Raises:
        GitMissing: there is no git on PATH, or it is too old.
    """

    def __init__(self, home: Path) -> None:
        found = shutil.which("git")
        if found is None:
            raise GitMissing("git_server cannot start: there is no git on PATH; install git 2.36 or newer")
        self.binary = found
        self.env = git_environment(home)
        if self.version() < OLDEST:
            raise GitMissing(f"git_server cannot start: {found} is too old; install git 2.36 or newer")

    def version(self) -> tuple[int, int]:
        """Major and minor version of the binary; (0, 0) when it does not say."""
        said = subprocess.run([self.binary, "version"], capture_output=True, env=self.env, check=False).stdout
        match = re.match(rb"git version (\d+)\.(\d+)", said)
        return (int(match[1]), int(match[2])) if match else (0, 0)

    def run(
        self, repo: Path, *args: str, stdin: bytes = b"", keep: Sequence[int] = (), ok: Sequence[int] = (0,)
    ) -> bytes:
        """Run one git command on ``repo`` and return what it printed.

        Args:
            keep: file descriptors that the process inherits. A process that writes inherits its project's lock, so
                that the lock outlives a killed worker until git, too, is done.
            ok: exit statuses that are no failure.

        Raises:
            GitFailed: another exit status, or no end within TIMEOUT.
            OSError: the disk is full, read-only or broken.
        """
        command = [self.binary, f"--git-dir={repo}", *args]
        try:
            done = subprocess.run(
                command, input=stdin, capture_output=True, env=self.env, pass_fds=keep, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise GitFailed(args[0], f"no end within {TIMEOUT:.0f} s") from None
        if done.returncode not in ok:
            raise _failure(args[0], done.returncode, done.stderr.decode(errors="replace"))
        return done.stdout

    def start(self, *args: str, stdin: bytes, extra: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a git command whose output is read as it comes (its complaints go nowhere: they could name files)."""
        with tempfile.TemporaryFile() as source:  # a pipe could fill up while git, too, waits to be read
            source.write(stdin)
            source.seek(0)
            return subprocess.Popen(
                [self.binary, *args],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**self.env, **extra},
            )


def _failure(command: str, status: int, stderr: str) -> Exception:
    log.warning("git %s ended with %d: %s", command, status, stderr.strip()[-500:])
    for code in _DISK_ERRORS:
        if os.strerror(code) in stderr:
            return OSError(code, os.strerror(code))
    lines = stderr.strip().splitlines()
    return GitFailed(command, lines[-1] if lines else f"exit status {status}")
