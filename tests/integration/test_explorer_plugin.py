"""`pytest` explores anybody's saga: the fixture and the marker that the package installs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PROJECT = Path(__file__).parents[2]
MARKED = """
    import pytest

    @pytest.mark.saga_testbed({saga!r})
    def test_nothing_is_left_behind(saga_testbed):
        report = saga_testbed.explore()
        assert report.runs > 50
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")
    return pytester


def test_a_right_saga_passes(inner: pytest.Pytester) -> None:
    inner.makepyfile(MARKED.format(saga="chaos.gallery.mended:no_barrier"))
    inner.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_wrong_saga_fails_with_its_story_and_a_schedule_that_replays(inner: pytest.Pytester) -> None:
    inner.makepyfile(MARKED.format(saga="chaos.gallery.wrong:no_barrier"))
    result = inner.runpytest_subprocess("--basetemp", str(inner.path / "tmp"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*compensation overtaken by its action under 1 fault*", "*testbed replay *.json"])
    (schedule,) = (inner.path / "tmp").rglob("*-1.json")
    inner.makepyfile(
        test_again=f"""
        import pytest

        def test_the_schedule_fails_again(saga_testbed):
            saga_testbed.replay({str(schedule)!r})

        @pytest.mark.saga_testbed("chaos.gallery.mended:no_barrier")
        def test_the_mended_saga_passes(saga_testbed):
            assert saga_testbed.replay({str(schedule)!r}).verdict == "valid"

        def test_who_wants_the_failure_expects_it(saga_testbed):
            with pytest.raises(pytest.fail.Exception, match="overtaken"):
                saga_testbed.replay({str(schedule)!r})
        """
    )
    result = inner.runpytest_subprocess("test_again.py")
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["*compensation overtaken by its action under 1 fault*", "verdict: invalid"])


def test_a_schedule_of_which_nothing_is_known_fails_its_test(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        def test_unknown(saga_testbed):
            saga_testbed.replay({"format": 1, "scenario": "tests.system.replay_scenarios:Broken", "faults": []})
        """
    )
    inner.makeconftest(f"import sys; sys.path.append({str(PROJECT)!r})")
    result = inner.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["verdict: unknown", "*not seen: the run broke off: LookupError*"])


def test_random_schedules_are_explored_when_asked_for(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import pytest

        @pytest.mark.saga_testbed("chaos.gallery.mended:no_barrier", random=5, seed=4)
        def test_deep(saga_testbed):
            assert saga_testbed.explore().most_faults > 1
        """
    )
    inner.runpytest_subprocess().assert_outcomes(passed=1)


def test_without_a_saga_it_says_what_to_do(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_x(saga_testbed): saga_testbed.explore()")
    result = inner.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*name a saga: @pytest.mark.saga_testbed('package.module:factory')*"])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('"trip:booking", fault=2', "saga_testbed has no option 'fault': there is saga, faults, random, seed"),
        ('"trip:booking", 2', "saga_testbed takes one saga; by name: faults, random, seed"),
        ('"trip:booking", saga="shop:sale"', "saga_testbed takes one saga; by name: faults, random, seed"),
    ],
)
def test_what_the_marker_does_not_take_is_refused_by_its_name(inner: pytest.Pytester, said: str, told: str) -> None:
    inner.makepyfile(f"import pytest\n@pytest.mark.saga_testbed({said})\ndef test_x(saga_testbed): pass")
    result = inner.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*UsageError: @pytest.mark.{told}"])
