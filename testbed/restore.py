"""A system from its backup: a state folder of its own, whose workers then recover what was open."""

from __future__ import annotations

import shutil
from pathlib import Path

from chaos.running_system import SAGA_LOG_URL, sqlite_log_of
from testbed import keys, postgres, preflight
from testbed.backup import DATA, POSTGRES_LOG
from testbed.backup_manifest import Manifest, read_whole
from testbed.errors import CannotStart


def restore(source: Path, state: Path, url: str | None) -> Manifest:
    """Make the state folder ``state`` from the backup in ``source``; ``testbed up`` starts it.

    Args:
        url: the PostgreSQL database for the saga log, when the backup is of one; it must hold no log.

    Raises:
        Failure: ``source`` is no whole backup, or PostgreSQL's programs refused.
        CannotStart: ``state`` is not fresh, or the database is missing or taken; nothing was touched.
    """
    manifest = read_whole(source)
    _check(state, manifest, url)
    preflight.make_folder(state)
    draft = state / "data.restored"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source / DATA, draft, symlinks=True)
    if url and manifest.log == POSTGRES_LOG:
        postgres.restore(url, source / manifest.log)
        keys.remember_saga_log(state, url)
    else:
        log = draft / sqlite_log_of(state).relative_to(state / "data")
        log.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / manifest.log, log)
    (state / "data").rmdir()
    draft.rename(state / "data")  # a restore that was killed before this left no system
    return manifest


def _check(state: Path, manifest: Manifest, url: str | None) -> None:
    obstacles = []
    if (state / "data").exists() and any((state / "data").iterdir()):
        obstacles.append(f"{state} holds a system: name a new folder with --state")
    if manifest.log == POSTGRES_LOG:
        if url is None:
            obstacles.append(f"the saga log is of PostgreSQL: name an empty database in {SAGA_LOG_URL}")
        elif postgres.holds_a_log(url):
            obstacles.append(f"{postgres.described(url)} holds a saga log: make an empty database with createdb")
    elif url is not None:
        obstacles.append(f"the saga log is of SQLite, and goes into the state folder: unset {SAGA_LOG_URL}")
    if obstacles:
        raise CannotStart(obstacles)
