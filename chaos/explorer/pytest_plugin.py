"""The pytest plugin: ``pytest`` explores your saga. Installed with the package; it imports nothing until it is used.

    @pytest.mark.saga_testbed("trip:booking", faults=2)
    def test_a_trip_leaves_nothing_behind(saga_testbed):
        saga_testbed.explore()

A counterexample fails the test with its story; its schedule is saved for ``testbed replay``, with a page that draws it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from chaos.explorer.record import Report
    from chaos.explorer.run import Run
    from chaos.explorer.scenario import Scenario

MARKER = "saga_testbed"
OPTIONS = ("saga", "faults", "random", "seed")
"""What the marker takes; the saga also without its name."""
_TOLD = 3  # counterexamples that are told in full


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(saga, *, faults=1, random=None, seed=1): what the fixture saga_testbed explores: a scenario's name, "
        "package.module:factory, or a Scenario; every schedule with up to `faults` faults, or `random` random ones",
    )


class SagaTestbed:
    """Explores and replays the scenario of one test.

    Attributes:
        folder: where counterexamples are saved.
    """

    def __init__(self, marker: pytest.Mark | None, folder: Path) -> None:
        self._args = _options(marker) if marker else {}
        self.folder = folder

    def explore(
        self,
        saga: str | Scenario | None = None,
        *,
        faults: int | None = None,
        random: int | None = None,
        seed: int | None = None,
    ) -> Report:
        """Explore; what is not given here is the marker's.

        Fails the test unless the verdict is valid. ``unknown`` is no success.

        Raises:
            NoSuchScenario: there is none of this name.
            pytest.UsageError: no saga is named, here or in the marker.
        """
        from chaos.explorer.exploration import explore, explore_at_random

        scenario = self._scenario(saga)
        count = random if random is not None else self._args.get("random")
        if count:
            of = seed if seed is not None else self._args.get("seed", 1)
            report = explore_at_random(scenario, count=count, seed=of)
        else:
            report = explore(scenario, faults=faults if faults is not None else self._args.get("faults", 1))
        if report.verdict != "valid":
            pytest.fail(self._said(report), pytrace=False)
        return report

    def replay(self, schedule: Path | str | Mapping[str, Any]) -> Run:
        """Run one schedule, given as JSON or as the file that holds it.

        Fails the test, with the story, unless the run is valid; who wants it otherwise expects
        ``pytest.fail.Exception``. Whether the schedule's faults happened the run's ``never_fired`` tells.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no schedule.
        """
        from chaos.explorer.replay import read_schedule
        from chaos.explorer.run import on_stage
        from chaos.explorer.schedule import Schedule
        from chaos.explorer.story import story

        wanted = Schedule.from_json(schedule) if isinstance(schedule, Mapping) else read_schedule(Path(schedule))
        with on_stage(self._scenario(self._args.get("saga", wanted.scenario))) as stage:
            run = stage.run(wanted)
        if run.verdict != "valid":
            pytest.fail(story(run), pytrace=False)
        return run

    def _scenario(self, saga: str | Scenario | None) -> Scenario:
        from chaos.explorer.registry import scenario_of

        wanted = saga if saga is not None else self._args.get("saga")
        if wanted is None:
            raise pytest.UsageError(f"name a saga: @pytest.mark.{MARKER}('package.module:factory')")
        return scenario_of(wanted) if isinstance(wanted, str) else wanted

    def _said(self, report: Report) -> str:
        from chaos.explorer.report import save
        from chaos.explorer.story import story

        stories = [story(run) for run in report.minimal[:_TOLD]]
        saved = [f"testbed replay {path}" for path in save(report, self.folder)]
        unseen = sorted({f"not seen: {why}" for run in report.failing for why in run.unseen})
        counted = f"{report.verdict}: {report.invalid} of {report.runs} schedules invalid, {report.unknown} unknown"
        return "\n\n".join([*stories, "\n".join([counted, *saved, *unseen])])


def _options(marker: pytest.Mark) -> dict[str, Any]:
    """What the marker says, by name. Raises pytest.UsageError: it says what nobody would heed."""
    given: dict[str, Any] = {**dict(zip(OPTIONS[:1], marker.args, strict=False)), **marker.kwargs}
    for name in given:
        if name not in OPTIONS:
            raise pytest.UsageError(f"@pytest.mark.{MARKER} has no option {name!r}: there is {', '.join(OPTIONS)}")
    if len(given) < len(marker.args) + len(marker.kwargs):
        raise pytest.UsageError(f"@pytest.mark.{MARKER} takes one saga; by name: {', '.join(OPTIONS[1:])}")
    return given


@pytest.fixture
def saga_testbed(request: pytest.FixtureRequest, tmp_path: Path) -> SagaTestbed:
    """Explores the saga that the test's marker ``saga_testbed`` names."""
    return SagaTestbed(request.node.get_closest_marker(MARKER), tmp_path / "counterexamples")
