"""Actions of a user and of an operator, and the healing of everything.

Every action takes Chaos Toolkit's ``configuration`` with ``state`` (the state folder) and ``project``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import requests
from chaoslib.exceptions import ActivityFailed

from chaos.experiments.auditing import poll
from chaos.experiments.client import DECIDED, BackendClient, Status, documents
from chaos.experiments.processes import REVIVE, kill, pause, resume, start
from chaos.experiments.run import PATIENCE, SOON, Run, current
from chaos.running_system import WORKER
from service_kit import names

Configuration = dict[str, Any]
REFUSED = "refused"
"""The edition of documents that nobody should ever see."""


def write_documents(configuration: Configuration) -> None:
    """Give the project new editions of its documents, so that the next wiki overwrites the last one."""
    run, edition = current(configuration), secrets.token_hex(4)
    run.client.add_documents(run.project, documents(run.project, edition))
    run.edition = edition


def refuse_documents(configuration: Configuration) -> None:
    """Write documents that must be refused with a clear answer, 503; anything else breaks the claim."""
    run = current(configuration)
    try:
        run.client.add_documents(run.project, documents(run.project, REFUSED))
    except requests.HTTPError as error:
        if error.response.status_code != requests.codes.service_unavailable:
            run.problems.append(f"the documents were answered {error.response.status_code}, not 503")
    else:
        run.problems.append("documents were taken that could not be kept")


def compare_wiki(configuration: Configuration) -> None:
    """A page of the wiki must tell the last edition of the documents that was taken; another one breaks the claim."""
    run = current(configuration)
    url = f"{run.system.url('filesystem_server')}/file/{run.project}/topics/topic-0.md"
    headers = {names.INTERNAL_TOKEN: run.system.internal_token(run.project)}
    page = requests.get(url, headers=headers, timeout=SOON)
    page.raise_for_status()
    if run.edition not in page.text:
        run.problems.append(f"the wiki does not tell the edition {run.edition}")


def start_generation(configuration: Configuration) -> str:
    """Start a generation and do not wait for it; returns its saga id."""
    run = current(configuration)
    run.current = run.client.start(run.project)["saga_id"]
    return run.current


def wait_for_step(step: str, configuration: Configuration, state: str = "running") -> None:
    """Wait until ``step`` of the saga that was started is in ``state``. Raises ActivityFailed."""
    run = current(configuration)

    def reached() -> bool:
        steps = run.client.status(run.current)["steps"]
        return any(found["name"] == step and found["state"] == state for found in steps)

    if not poll(reached, SOON):
        raise ActivityFailed(f"{step} of {run.current} was not {state} within {SOON:.0f} s")


def wait_for_state(states: list[str], configuration: Configuration, timeout: float = SOON) -> None:
    """Wait until the saga that was started is in one of ``states``. Raises ActivityFailed."""
    run = current(configuration)
    found = run.client.wait(run.current, timeout, states)["state"]
    if found not in states:
        raise ActivityFailed(f"{run.current} is {found} after {timeout:.0f} s, not {' or '.join(states)}")


def finish(expect: list[str], configuration: Configuration) -> str:
    """Wait for the end of the saga that was started; another end than one of ``expect`` breaks the claim."""
    run = current(configuration)
    status = run.client.wait(run.current, PATIENCE)
    run.expect(status, expect)
    return str(status["state"])


def generate(expect: list[str], configuration: Configuration) -> str:
    """Start a generation and wait for its end, see ``finish``."""
    start_generation(configuration)
    return finish(expect, configuration)


def crowd(users: int, rounds: int, expect: list[str], configuration: Configuration) -> dict[str, int]:
    """``users`` at once, each with a project of its own, each generating ``rounds`` times; returns the ends counted."""
    run = current(configuration)
    with ThreadPoolExecutor(users) as pool:
        visits = [pool.submit(_visit, run, f"{run.project}-{number}", rounds) for number in range(users)]
        ends = [status for visit in visits for status in visit.result()]
    for status in ends:
        run.expect(status, expect)
    if len(ends) < users * rounds:
        run.problems.append(f"only {len(ends)} of {users * rounds} generations could be started")
    return {state: sum(status["state"] == state for status in ends) for state in DECIDED}


def _visit(run: Run, project: str, rounds: int) -> list[Status]:
    client, ends = BackendClient(run.system), []
    for _ in range(rounds):
        if poll(lambda: _written(client, project), SOON, every=0.5):
            ends.append(client.wait(client.start(project)["saga_id"], PATIENCE))
    return ends


def _written(client: BackendClient, project: str) -> bool:
    """Documents go over a faulty link, too; sending them again is safe."""
    try:
        client.add_documents(project, documents(project, secrets.token_hex(4)))
    except OSError:  # what requests raises
        return False
    return True


def operate(verb: str, configuration: Configuration) -> None:
    """Cancel, retry or skip the saga that was started, as an operator."""
    run = current(configuration)
    run.client.operate(run.current, verb, "asked by a chaos experiment")


def each_link_down(seconds: float, expect: list[str], configuration: Configuration) -> dict[str, str]:
    """Take every link down in turn for ``seconds`` while a generation runs; returns the end of each by link."""
    run, ends = current(configuration), {}
    for link in run.system.links:
        write_documents(configuration)
        run.proxy.down(link)
        start_generation(configuration)
        time.sleep(seconds)
        run.proxy.up(link)
        ends[link] = finish(expect, configuration)
    return ends


def kill_each(services: list[str], expect: list[str], configuration: Configuration) -> dict[str, str]:
    """Kill every one of ``services`` in the middle of a generation of its own, and start it again."""
    ends = {}
    for service in services:
        write_documents(configuration)
        start_generation(configuration)
        kill(service, configuration)
        start(service, configuration)
        ends[service] = finish(expect, configuration)
    return ends


def pause_each(services: list[str], seconds: float, expect: list[str], configuration: Configuration) -> dict[str, str]:
    """Let every one of ``services`` stand still for ``seconds`` while a generation of its own runs.

    All but the backend are paused before it starts, so that it surely meets them; nobody can start one without that.
    """
    ends = {}
    for service in services:
        write_documents(configuration)
        if service == "backend":
            start_generation(configuration)
        pause(service, configuration)
        if service != "backend":
            start_generation(configuration)
        time.sleep(seconds)
        resume(service, configuration)
        ends[service] = finish(expect, configuration)
    return ends


def wait(seconds: float) -> None:
    """Let a fault last."""
    time.sleep(seconds)


def heal(configuration: Configuration) -> None:
    """Bring every process back and take every fault away. What never fired breaks the claim.

    Each part is tried whatever becomes of the others; ``left`` of the run says what to type for those that are not
    done, a second Ctrl-C in the middle included. Raises ActivityFailed.
    """
    run = current(configuration)
    parts, failures = list(_parts(run, configuration)), []
    run.left = [advice for _, advice in parts if advice]
    for heal_part, advice in parts:
        try:
            heal_part()
        except Exception as error:  # whatever it is, the others want to be healed, too
            failures.append(str(error) or repr(error))
        else:
            run.left = [other for other in run.left if other != advice]
    if failures:
        raise ActivityFailed("; ".join(failures))


def _parts(run: Run, configuration: Configuration) -> Iterator[tuple[Callable[[], None], str]]:
    """What is to be healed, and what to type if that fails.

    The processes come first, the last one touched first: the fault proxy may be one of them, and answers nobody before.
    """
    for service, state in reversed(run.touched.items()):
        yield partial(REVIVE[state], service, configuration), f"{service} is {state}: {_by_hand(run, service, state)}"
    yield run.fired, ""
    yield run.proxy.heal, f"faults may be left on the links: `curl -X POST {run.proxy.url}/reset` takes them away"


def _by_hand(run: Run, service: str, state: str) -> str:
    """What somebody types who brings a process back that was touched."""
    if state == "extra":
        return f"end it yourself, its log is {run.system.state / 'logs' / service}.log"
    processes, where = run.system.workers() if service == WORKER else [service], f"--state {run.system.state}"
    first, condition = (
        ("kill --signal CONT", "or, if it is dead,") if state == "paused" else ("kill", "if it runs, and")
    )
    return " and ".join(
        f"`testbed {first} {name} {where}`, {condition} `testbed start {name} {where}`" for name in processes
    )
