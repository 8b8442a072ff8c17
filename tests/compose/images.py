"""The images that a compose project needs: pulled, or, where no registry answers, built under a name of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "images"
MODULE = "github.com/Shopify/toxiproxy/v2"
PULL_LIMIT = 300.0  # seconds
BUILD_LIMIT = 900.0


class NoImage(Exception):
    """It can neither be pulled nor built; the message says why."""


def substitutes(variables: list[str], folder: Path) -> dict[str, str]:
    """The variables of docker-compose.yml to set so that every image that they name is there. Raises NoImage."""
    found = {}
    for variable in variables:
        usual = _usual_image(variable)
        if not (_is_here(usual) or _pull(usual)):
            found[variable] = MAKERS[variable](folder / variable.lower())
    return found


def docker(*words: str, limit: float = BUILD_LIMIT, **more: str) -> subprocess.CompletedProcess[str]:
    """Run docker; nothing is raised for a failure."""
    env = dict(os.environ) | more
    return subprocess.run(["docker", *words], capture_output=True, text=True, timeout=limit, check=False, env=env)


def _usual_image(variable: str) -> str:
    services: Mapping[str, dict[str, str]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    start = f"${{{variable}:-"
    return next(one["image"][len(start) : -1] for one in services.values() if one["image"].startswith(start))


def _is_here(image: str) -> bool:
    return docker("image", "inspect", image).returncode == 0


def _pull(image: str) -> bool:
    try:
        return docker("pull", "--quiet", image, limit=PULL_LIMIT).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _toxiproxy(folder: Path) -> str:
    """From its Go module, of the version that the Makefile names."""
    image = "saga-testbed-test/toxiproxy"
    if _is_here(image):
        return image
    makefile = (ROOT / "Makefile").read_text().splitlines()
    version = next(line.split(":=")[1].strip() for line in makefile if line.startswith("TOXIPROXY_VERSION"))
    if shutil.which("go") is None:
        raise NoImage("Toxiproxy cannot be pulled, and building it needs Go")
    folder.mkdir(parents=True)
    env = dict(os.environ) | {"GOBIN": str(folder), "CGO_ENABLED": "0"}
    command = ["go", "install", "-ldflags", f"-s -w -X {MODULE}.Version={version}"]
    parts = [f"{MODULE}/cmd/{part}@v{version}" for part in ("server", "cli")]
    subprocess.run([*command, *parts], env=env, check=True, timeout=BUILD_LIMIT)
    return _build(image, FOLDER / "toxiproxy", folder)


def _postgres(folder: Path) -> str:
    """From Debian's packages."""
    image = "saga-testbed-test/postgres"
    return image if _is_here(image) else _build(image, FOLDER / "postgres", FOLDER / "postgres")


def _build(image: str, dockerfile: Path, context: Path) -> str:
    """With `docker compose`, which builds alike on old engines and on new ones."""
    project = {"services": {"it": {"image": image, "build": _build_from(dockerfile, context)}}}
    command = ["docker", "compose", "--project-name", "build", "--file", "-", "build"]
    done = subprocess.run(
        command, input=yaml.safe_dump(project), capture_output=True, text=True, timeout=BUILD_LIMIT, check=False
    )
    if done.returncode != 0:
        raise NoImage(f"{image} cannot be built: {done.stderr[-2000:]}")
    return image


def _build_from(dockerfile: Path, context: Path) -> dict[str, str]:
    return {"context": str(context), "dockerfile": str(dockerfile / "Dockerfile")}


MAKERS: Mapping[str, Callable[[Path], str]] = {"TOXIPROXY_IMAGE": _toxiproxy, "POSTGRES_IMAGE": _postgres}
