"""The images that a compose project needs: pulled, or, where no registry answers, built under a name of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "images"
MODULE = "github.com/Shopify/toxiproxy/v2"
PULL_LIMIT = 300.0  # seconds
BUILD_LIMIT = 900.0


class NoImage(Exception):
    """It can neither be pulled nor built; the message says why."""


class Images:
    """The images of one run of the tests, under names that no other run has.

    Attributes:
        testbed: what the image that is ours is called; `docker compose up` builds it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._prefix = folder, f"saga-testbed-test/{secrets.token_hex(4)}"
        self.testbed = f"{self._prefix}-testbed"
        self._made: dict[str, str] = {}
        self._there: set[str] = set()

    def variables(self, wanted: Sequence[str]) -> dict[str, str]:
        """The variables of docker-compose.yml to set so that every image that they name is there. Raises NoImage."""
        for variable in wanted:
            if variable not in self._made and not self._is_there(variable):
                name = variable.partition("_")[0].lower()
                self._made[variable] = (
                    f"{self._prefix}-{name}"  # noted first: a build that is broken off leaves nothing
                )
                MAKERS[variable](self._made[variable], self._folder / name)
        return {"TESTBED_IMAGE": self.testbed} | {name: self._made[name] for name in wanted if name in self._made}

    def remove(self) -> None:
        """Those that were built; what was pulled stays."""
        docker("image", "rm", "--force", self.testbed, *self._made.values())

    def _is_there(self, variable: str) -> bool:
        usual = _usual_image(variable)
        if variable not in self._there and (_is_here(usual) or _pull(usual)):
            self._there.add(variable)
        return variable in self._there


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


def _toxiproxy(image: str, folder: Path) -> None:
    """From its Go module, of the version that the Makefile names."""
    if shutil.which("go") is None:
        raise NoImage("Toxiproxy cannot be pulled, and building it needs Go")
    folder.mkdir()
    version = _of_makefile("TOXIPROXY_VERSION")
    env = dict(os.environ) | {"GOBIN": str(folder), "CGO_ENABLED": "0"}
    command = ["go", "install", "-ldflags", f"-s -w -X {MODULE}.Version={version}"]
    parts = [f"{MODULE}/cmd/{part}@v{version}" for part in ("server", "cli")]
    subprocess.run([*command, *parts], env=env, check=True, timeout=BUILD_LIMIT)
    _build(image, FOLDER / "toxiproxy", folder)


def _postgres(image: str, _: Path) -> None:
    """From Debian's packages."""
    _build(image, FOLDER / "postgres", FOLDER / "postgres")


def _chroma(image: str, _: Path) -> None:
    """From its Python package, of the version that the Makefile names."""
    _build(image, FOLDER / "chroma", FOLDER / "chroma", CHROMA=_of_makefile("CHROMA"))


def _neo4j(image: str, folder: Path) -> None:
    """From Maven's jars, as the contract tests have them."""
    jars = ROOT / ".real" / "neo4j"
    command = ["make", "--no-print-directory", str(jars.relative_to(ROOT) / ".ready")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_LIMIT, check=False)
    if done.returncode != 0:
        raise NoImage(f"Neo4j cannot be pulled, nor built: {(done.stdout + done.stderr).strip()[-500:]}")
    (folder / "lib").mkdir(parents=True)
    for jar in (jars / "classpath.txt").read_text().strip().split(os.pathsep):
        shutil.copy2(jar, folder / "lib")
    shutil.copy2(FOLDER / "neo4j" / "entrypoint.sh", folder)
    _build(image, FOLDER / "neo4j", folder)


def _of_makefile(variable: str) -> str:
    lines = (ROOT / "Makefile").read_text().splitlines()
    return next(line.partition(":=")[2].strip() for line in lines if line.startswith(f"{variable} :="))


def _build(image: str, dockerfile: Path, context: Path, **arguments: str) -> None:
    """With `docker compose`, which builds alike on old engines and on new ones."""
    build = {"context": str(context), "dockerfile": str(dockerfile / "Dockerfile"), "args": arguments}
    project = {"services": {"it": {"image": image, "build": build}}}
    command = ["docker", "compose", "--project-name", "build", "--file", "-", "build"]
    done = subprocess.run(
        command, input=yaml.safe_dump(project), capture_output=True, text=True, timeout=BUILD_LIMIT, check=False
    )
    if done.returncode != 0:
        raise NoImage(f"{image} cannot be built: {done.stderr[-2000:]}")


MAKERS: Mapping[str, Callable[[str, Path], None]] = {
    "TOXIPROXY_IMAGE": _toxiproxy,
    "POSTGRES_IMAGE": _postgres,
    "CHROMA_IMAGE": _chroma,
    "NEO4J_IMAGE": _neo4j,
}
"""Who builds an image under a name, in a folder of its own that is not there yet; each raises NoImage."""
