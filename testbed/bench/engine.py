"""What the saga engine costs beside the same HTTP calls made bare, on real servers, paired in one run.

    python -m testbed.bench.engine [--rounds N] [--only PART ...] [--json FILE] [--plot FILE.svg]

Each round makes a generation bare and one through the engine, directly one after the other, in turn first and second.
Reported are medians over the rounds, and of the ratios within a round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from backend.clients.filesystem import FilesystemClient
from backend.clients.git import GitClient
from backend.clients.transport import HttpLink, pooled_session
from backend.distributed_saga import WikiGenerationSaga, new_saga_id
from backend.saga.definition import SagaDefinition, StepContext
from backend.saga.ports import SagaLog
from backend.saga_log import open_saga_log
from backend.wiki.saga import SAVE_FILES, Participants, wiki_saga
from chaos.running_system import RunningSystem
from testbed import supervisor
from testbed.bench import recovery
from testbed.forced_writes import NoCompiler, build_counter, forced_writes
from testbed.layout import Layout
from testbed.preflight import is_free

FILE_BYTES = 2048
AT_ONCE = 8
TIMEOUT = 60.0
PARTS = ("overhead", "throughput", "rollback", "forces", "listing", "memory", "recovery")


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``target`` is what ``ratio`` (or ``value``) is held against, as a sentence."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


class Bench:
    """The calls of a wiki generation, bare and through the engine, with the same client."""

    def __init__(self, system: RunningSystem, log: SagaLog) -> None:
        self.log, self.system = log, system
        self.session = pooled_session()
        self.project = "bench"
        self.participants = self._participants()

    def bare(self, files: Mapping[str, str], project: str | None = None) -> None:
        """The same four calls that the engine makes, one after the other."""
        saga_id, steps = self._steps(files, project or self.project)
        for step in steps.steps:
            step.action(_context(saga_id, step.name))
        for step in steps.steps:
            if step.confirm:
                step.confirm(_context(saga_id, step.name))

    def bare_rollback(self, files: Mapping[str, str]) -> tuple[float, float]:
        """Seconds to save ``files``, and to undo that."""
        saga_id, steps = self._steps(files, self.project)
        save = steps[SAVE_FILES]
        saving = timed(lambda: save.action(_context(saga_id, SAVE_FILES)))
        undo = save.compensation or (lambda context: None)
        return saving, timed(lambda: undo(_context(saga_id, SAVE_FILES)))

    def engine(self, files: Mapping[str, str], project: str | None = None) -> None:
        """The same generation by ``WikiGenerationSaga``."""
        saga = WikiGenerationSaga(
            project or self.project,
            "bench",
            self.system.url("filesystem_server"),
            self.system.url("git_server"),
            {},
            log=self.log,
        )
        saga.participants = self.participants
        result = saga.execute_with_consistency(files)
        if result["status"] != "success":
            raise SystemExit(f"a generation failed: {result}")

    def _participants(self) -> Participants:
        headers = {"X-INTERNAL-TOKEN": self.system.internal_token()}
        links = [
            HttpLink(self.system.url(name), headers, session=self.session, timeout=TIMEOUT)
            for name in ("filesystem_server", "git_server")
        ]
        return Participants(FilesystemClient(links[0]), GitClient(links[1]))

    def _steps(self, files: Mapping[str, str], project: str) -> tuple[str, SagaDefinition]:
        saga_id = new_saga_id(project)
        return saga_id, wiki_saga(saga_id, project, self.participants, files, created_at=0.0)


def measure(rounds: int, parts: Collection[str]) -> Iterator[Figure]:
    """The figures of ``parts``, one at a time, so that they can be shown as they come."""
    if {"overhead", "throughput", "rollback"} & set(parts):
        yield from _beside_bare_calls(rounds, parts)
    with tempfile.TemporaryDirectory() as name:
        if "forces" in parts:
            yield from forces(Path(name))
        if "listing" in parts:
            yield Figure(**recovery.listing(Path(name)))
        if "memory" in parts:
            yield Figure(**recovery.memory(Path(name)))
    if "recovery" in parts:
        with running_servers(everything=True) as (system, folder):
            yield Figure(**recovery.recover(system, folder))


def _beside_bare_calls(rounds: int, parts: Collection[str]) -> Iterator[Figure]:
    with running_servers() as (system, folder):
        bench = Bench(system, open_saga_log(f"sqlite:///{folder}/log.sqlite3"))
        for count in (45, 1000) if "overhead" in parts else ():
            yield overhead(bench, count, rounds if count < 100 else max(3, rounds // 8))
        if "throughput" in parts:
            yield throughput(bench, rounds)
        if "rollback" in parts:
            yield rollback(bench, rounds)
        bench.log.close()


def overhead(bench: Bench, count: int, rounds: int) -> Figure:
    """A generation of ``count`` files: the engine's time over the bare calls' time."""
    bench.bare(some_files(count))
    ratios, times = [], []
    for number in range(rounds):
        took = {}
        for name in ("bare", "engine") if number % 2 else ("engine", "bare"):
            files, run = some_files(count), getattr(bench, name)
            took[name] = timed(partial(run, files))
        ratios.append(took["engine"] / took["bare"])
        times.append(took["engine"])
    ratio = statistics.median(ratios)
    return Figure(
        f"generation of {count} files", statistics.median(times) * 1e3, "ms", ratio, "≤ 1.15 × bare", ratio <= 1.15
    )


def throughput(bench: Bench, rounds: int) -> Figure:
    """Eight generations of 45 files at once, each in a project of its own."""

    def at_once(run: Callable[[Mapping[str, str], str], None]) -> float:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return timed(lambda: list(pool.map(lambda n: run(some_files(45), f"bench-{n}"), range(AT_ONCE * 2))))

    at_once(bench.bare)
    pairs = [(at_once(bench.bare), at_once(bench.engine)) for _ in range(max(3, rounds // 6))]
    ratio = statistics.median(bare / engine for bare, engine in pairs)
    per_second = AT_ONCE * 2 / statistics.median(engine for _, engine in pairs)
    return Figure("throughput, 8 at once", per_second, "generations/s", ratio, "≥ 0.85 of bare", ratio >= 0.85)


def rollback(bench: Bench, rounds: int) -> Figure:
    """Undoing 45 files beside saving them."""
    pairs = [bench.bare_rollback(some_files(45)) for _ in range(rounds)]
    ratio = statistics.median(undo / save for save, undo in pairs)
    undo = statistics.median(undo for _, undo in pairs) * 1e3
    return Figure("rollback of 45 files", undo, "ms", ratio, "≤ 1 × saving them", ratio <= 1.0)


def forces(folder: Path) -> Iterator[Figure]:
    """Forced writes of the log per saga, counted at the system calls."""
    try:
        counter = build_counter(folder)
    except NoCompiler:
        return
    for count in (1, 45, 1000):
        found = forced_writes(counter, folder / str(count), count)
        yield Figure(f"forced log writes, {count} files", found, "per saga", None, "2", found <= 2)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def some_files(count: int) -> dict[str, str]:
    """``count`` files of 2 KiB that differ from every earlier ones."""
    stamp = str(time.monotonic_ns())
    return {f"page-{number}.md": f"{stamp} {number} ".ljust(FILE_BYTES, "x") for number in range(count)}


@contextmanager
def running_servers(everything: bool = False) -> Iterator[tuple[RunningSystem, Path]]:
    """filesystem_server and git_server (or all participants), without a fault proxy between."""
    names = ["filesystem_server", "git_server"] + (["neo4j_stub", "chroma_stub"] if everything else [])
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        offset = next(n for n in range(100, 6000, 100) if all(map(is_free, Layout(state, n, "none").ports())))
        system = supervisor.up(Layout(state, offset, "none", only=names))
        try:
            yield system, Path(folder)
        finally:
            supervisor.down(state)


def main() -> int:
    """Print the table as it grows; exit status 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m testbed.bench.engine", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    out = Console()
    table = Table("figure", "value", "ratio", "target", "", title="the saga engine", title_justify="left")
    figures = []
    for figure in measure(given.rounds, given.only):
        figures.append(figure)
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        out.print(f"measured: {figure.name}: {figure.value:,.1f} {figure.unit} {ratio}", style="dim")
        mark = "" if figure.met is None else ("met" if figure.met else "MISSED")
        table.add_row(figure.name, f"{figure.value:,.1f} {figure.unit}", ratio, figure.target, mark)
    out.print(table)
    if given.json:
        given.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))
    if given.plot:
        from testbed.bench.plot import draw

        draw(figures, given.plot)
    return 0 if all(figure.met is not False for figure in figures) else 1


def _context(saga_id: str, step: str) -> StepContext:
    return StepContext(saga_id, step, 1, TIMEOUT)


if __name__ == "__main__":
    raise SystemExit(main())
