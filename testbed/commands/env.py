"""`testbed env`: make the ``.env`` with which `docker compose up` starts."""

from __future__ import annotations

from pathlib import Path

import click

from chaos.key_rotation import rotate as rotate_keys
from testbed import dotenv
from testbed.errors import Failure
from testbed.layout import MAX_OFFSET
from testbed.private import write_private


@click.command()
@click.option("--write", "path", type=click.Path(dir_okay=False, path_type=Path), default=Path(".env"), metavar="FILE")
@click.option("--profile", type=click.Choice(dotenv.PROFILES), help="What plain `docker compose up` starts.")
@click.option("--port-offset", type=click.IntRange(0, MAX_OFFSET), metavar="N", help="Added to every published port.")
@click.option("--rotate", is_flag=True, help="Put new signing keys in front of the ones that sign now.")
def env(path: Path, profile: str | None, port_offset: int | None, rotate: bool) -> None:
    """Make the secrets of a system of docker compose, in a file that only you can read.

    What the file has already is kept, and only what is missing is added; so running it again is safe. After --rotate,
    `docker compose up -d` restarts the services with both keys, and what was signed with the former one stays good.

    Exit status: 0 the file is complete, 1 it cannot be written, or there is nothing to rotate.
    """
    try:
        found = dotenv.parse(path.read_text()) if path.exists() else {}
        if rotate:
            _rotate(path, found)
            return
        changed = ({dotenv.PROFILE: profile} if profile else {}) | (
            dotenv.ports(port_offset) if port_offset is not None else {}
        )
        made = dotenv.missing(found | changed)
        write_private(path, dotenv.render(found | changed | made))
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from None
    click.echo(_told(path, found, changed, made))


def _rotate(path: Path, found: dict[str, str]) -> None:
    if not all(found.get(name) for name in dotenv.KEYS):
        raise Failure(f"{path} has no keys to rotate: `testbed env --write {path}` makes them")
    click.echo(f"{path}: new keys in {', '.join(rotate_keys(path))}; next: docker compose up -d")


def _told(path: Path, found: dict[str, str], changed: dict[str, str], made: dict[str, str]) -> str:
    """Names only, never a value."""
    new = [name for name in (*changed, *made) if name not in found]
    parts = [f"made {', '.join(new)}"] if new else []
    parts += [f"changed {', '.join(both)}"] if (both := [name for name in changed if name in found]) else []
    parts += [f"kept {', '.join(kept)}"] if (kept := [name for name in found if name not in changed]) else []
    return f"{path}: {'; '.join(parts)}"
