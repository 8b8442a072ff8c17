"""What our locustfile adds to Locust's command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locust import events

from loadtests.faults import CHAOS, NOTHING


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: Any) -> None:
    """Options of the saga testbed. A master sends them to its workers, which takes plain values: folders are text."""
    group = parser.add_argument_group("saga testbed")
    group.add_argument("--state", default=".testbed", env_var="TESTBED_STATE", help="system's folder")
    group.add_argument("--seed", type=int, default=1, env_var="LOAD_SEED", help="repeats choices and faults")
    group.add_argument("--projects", type=int, default=20, env_var="LOAD_PROJECTS", help="how many to spread over")
    group.add_argument("--chaos", default=NOTHING, choices=[NOTHING, *CHAOS], help="faults that come and go")
    group.add_argument("--results", default=None, env_var="LOAD_RESULTS", help="folder for what it leaves")
    group.add_argument("--max-failure-rate", type=float, help="share of generations that may not commit, 0 to 1")
    group.add_argument("--p99", type=float, help="seconds that 99 %% of the generations may take at the most")
    group.add_argument("--rollback-p99", type=float, help="seconds that 99 %% of the rollbacks may take at the most")
    group.add_argument("--orphans", type=int, default=0, help="how many the audit may find")
    group.add_argument("--max-alerts", type=int, help="how many alerts may fire; with faults they are only told")


def state_of(environment: Any) -> Path:
    """The folder of the system that is under load."""
    return Path(environment.parsed_options.state).absolute()


def results_of(environment: Any) -> Path:
    """The folder of this load test; made when it is not there. Raises OSError."""
    given = environment.parsed_options.results
    folder = Path(given).absolute() if given else state_of(environment) / "load"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
