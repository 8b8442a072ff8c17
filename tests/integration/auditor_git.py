"""Repositories as git_server leaves them, made by the git binary and by nothing of ours."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.integration.auditor_log import snap

WHO = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@t.invalid",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@t.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(repository: Path, *args: str, stdin: str = "") -> str:
    command = ["git", f"--git-dir={repository}", *args]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], **WHO}
    )
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout.strip()


def commit(repository: Path, files: dict[str, str], saga_id: str | None, ref: str = "refs/heads/main") -> str:
    """One commit on ``ref``, made by ``git fast-import`` (which quotes nothing here and needs no worktree)."""
    if not repository.exists():
        git(repository, "init", "--quiet", "--bare", "--initial-branch=main")
    trailers = f"\n\nSaga-Id: {saga_id}\nSnapshot-Id: {snap(saga_id)}\n" if saga_id else "\n"
    message = f"Wiki{trailers}"
    parent = git(repository, "for-each-ref", "--format=%(objectname)", ref)
    lines = [f"commit {ref}\ncommitter t <t@t.invalid> 1600000000 +0000\ndata {len(message.encode())}\n{message}"]
    lines += [f"from {parent}\n" if parent else "", "deleteall\n"]
    lines += [f"M 100644 inline {name}\ndata {len(text.encode())}\n{text}\n" for name, text in files.items()]
    git(repository, "fast-import", "--quiet", stdin="".join(lines))
    return git(repository, "rev-parse", ref)
