"""The whole system on a saga log in PostgreSQL: workers that are killed and paused, a database that crashes (R9)."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from chaos.experiments.client import DECIDED, BackendClient, documents, told
from chaos.experiments.proxy import FaultProxy
from chaos.running_system import RunningSystem
from testbed import records, supervisor
from tests.support.postgres import Postgres, server_or_skip
from tests.system.support import as_json, call, environment, running, until

pytestmark = pytest.mark.xdist_group("postgres")  # its servers are started once
WORKERS, THREADS = 3, 2
LIMIT = 60.0
SETTINGS = {"LEASE": "2", "CALL_TIMEOUT": "4", "WORKER_THREADS": str(THREADS)}
HOLD = {"action": "hold", "ms": 30_000, "match": {"method": "POST", "path": "^/snapshot/"}}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with server_or_skip() as found:
        yield found


@pytest.fixture(scope="module")
def system(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """Three workers on one database. Tests leave every process ready and every link healed."""
    env = environment(SAGA_LOG_URL=server.create("sagas"), **SETTINGS)
    with running(tmp_path_factory.mktemp("postgres"), "--workers", str(WORKERS), env=env) as found:
        yield found


@pytest.fixture
def client(system: RunningSystem) -> BackendClient:
    return BackendClient(system)


def start_all(client: BackendClient, projects: list[str]) -> dict[str, str]:
    """A generation in each project, all at once; saga id by project."""
    for project in projects:
        client.add_documents(project, documents(project, "first"))
    with ThreadPoolExecutor(len(projects)) as pool:
        started = pool.map(client.start, projects)
    return {project: answer["saga_id"] for project, answer in zip(projects, started, strict=True)}


def claims(client: BackendClient, saga_id: str) -> list[str]:
    """The processes that held the saga, in turn: their ids are in the workers' names."""
    found = (event["data"]["worker"] for event in client.events(saga_id) if event["type"] == "saga.claimed")
    return [worker.rsplit("-", 2)[1] for worker in found]


def pids(system: RunningSystem) -> dict[str, str]:
    known = records.read(system.state)
    return {str(known[name].pid): name for name in system.workers()}


def verdict(system: RunningSystem, *arguments: str) -> str:
    report = as_json(call(system.state, "audit", "--json", "--wait", str(LIMIT), *arguments))
    broken = [(row["name"], row["first_evidence"], row.get("unseen")) for row in report["invariants"]
              if row["verdict"] != "valid"]  # fmt: skip
    assert not broken, broken
    found: str = report["verdict"]
    return found


def test_status_shows_every_worker_and_the_password_is_for_nobody_else_to_see(system, server):
    rows = {row["name"]: row["state"] for row in as_json(call(system.state, "status", "--json"))["services"]}
    assert {name: rows[name] for name in ("worker", "worker-2", "worker-3")} == dict.fromkeys(system.workers(), "ready")
    assert server.password not in subprocess.run(["ps", "auxww"], capture_output=True, text=True, check=True).stdout
    holders = [path for path in system.state.rglob("*") if path.is_file() and server.password.encode() in path.read_bytes()]  # fmt: skip  # noqa: E501
    assert holders == [system.state / "secrets.env"]
    assert holders[0].stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_every_worker_gets_a_share_of_the_work(system, client):
    deadline, seen, round_ = time.monotonic() + LIMIT, set(), 0
    while seen != set(pids(system)):
        assert time.monotonic() < deadline, f"after {round_} rounds only {seen} of {pids(system)} had sagas"
        sagas = start_all(client, [f"share-{round_}-{number}" for number in range(2 * WORKERS * THREADS)])
        assert {client.wait(saga, LIMIT)["state"] for saga in sagas.values()} == {"committed"}
        seen |= {pid for saga in sagas.values() for pid in claims(client, saga)}
        round_ += 1


def test_the_third_worker_recovers_what_one_killed_and_one_paused_worker_left_and_late_calls_are_refused(
    system, client
):
    proxy = FaultProxy(system)
    since, before = proxy.last_event(), refused_snapshots(system)
    toxic = proxy.add("backend_git", "http_fault", first=WORKERS * THREADS, **HOLD)
    try:
        sagas = start_all(client, [f"trouble-{number}" for number in range(WORKERS * THREADS)])
        until(lambda: len(held(proxy, since)) == len(sagas), "every snapshot is on its way", LIMIT)
        holder = {saga: pids(system)[claims(client, saga)[-1]] for saga in sagas.values()}
        killed, paused, well = ([saga for saga in holder if holder[saga] == name] for name in system.workers())
        assert [len(killed), len(paused), len(well)] == [THREADS] * WORKERS  # all have their hands full
        supervisor.kill(system.state, "worker", signal.SIGKILL)
        supervisor.kill(system.state, "worker-2", signal.SIGSTOP)
        for saga in killed + paused:
            assert client.wait(saga, LIMIT)["state"] == "rolled_back"
            assert pids(system)[claims(client, saga)[-1]] == "worker-3"
    finally:
        proxy.remove("backend_git", toxic)  # what was held is delivered now, behind its own compensation
        supervisor.kill(system.state, "worker-2", signal.SIGCONT)
    until(lambda: refused_snapshots(system) == before + len(killed + paused), "the late calls are refused")
    log = supervisor.log_of(system.state, "worker-2")
    until(lambda: all(f"[{saga}] saga" in log.read_text() for saga in paused), "the paused one finds them taken over")
    supervisor.start(system.state, "worker")
    assert {client.wait(saga, LIMIT)["state"] for saga in well} == {"committed"}
    assert {client.status(saga)["state"] for saga in killed + paused} == {"rolled_back"}
    assert verdict(system) == "valid"


def held(proxy: FaultProxy, since: int) -> list[str]:
    """The sagas whose snapshots the proxy holds back."""
    fired = (event for event in proxy.events(since) if event["event"] == "fired")
    return [event["request"]["headers"]["x-saga-id"] for event in fired]


def refused_snapshots(system: RunningSystem) -> int:
    """How many snapshots git_server has answered with 409, by its own metrics."""
    text = requests.get(f"{system.url('git_server')}/metrics", timeout=10).text
    wanted = ("http_requests_total", 'method="POST"', 'status="409"')
    return int(sum(float(line.split()[-1]) for line in text.splitlines() if all(part in line for part in wanted)))


@pytest.mark.parametrize("how", ["restart", pytest.param("outage", marks=pytest.mark.slow)])
def test_a_database_that_crashes_in_the_middle_loses_nothing(system, client, server, how):
    """Users who were told 202 get their wiki; who was told nothing, or 503, asks again with the same key."""
    projects = [f"crash-{how}-{number}" for number in range(6)]
    for project in projects:
        client.add_documents(project, documents(project, "first"))
    path = system.state / f"told-{how}.jsonl"
    with ThreadPoolExecutor(len(projects)) as pool:
        users = [pool.submit(generate_often, BackendClient(system), project, 4) for project in projects]
        until(lambda: any(row["state"] == "committed" for row in list_of(client, projects)), "the first one is done")
        if how == "restart":
            server.restart("immediate")
        else:
            server.stop()
            assert requests.get(f"{client.url}/readyz", timeout=10).status_code == 503
            server.start()
        ends = [end for user in users for end in user.result()]
    assert {end["state"] for end in ends} <= {"committed", "rolled_back"}
    assert sum(end["state"] == "committed" for end in ends) >= len(projects)
    path.write_text("".join(json.dumps(told(end)) + "\n" for end in ends))
    until(lambda: all_ready(system), "everybody is ready again")
    assert verdict(system, "--journal", str(path)) == "valid"


def generate_often(client: BackendClient, project: str, times: int) -> list[dict[str, object]]:
    """Generations one after the other; each is asked for until it is taken, and waited for until it is decided."""
    return [finished(client, insist(client, project, f"{project}-{number}")) for number in range(times)]


def insist(client: BackendClient, project: str, key: str) -> str:
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            saga_id: str = client.start(project, key)["saga_id"]
            return saga_id
        except requests.HTTPError as refused:
            assert refused.response.status_code == 503, refused.response.text
            assert time.monotonic() < deadline
            time.sleep(0.1)


def finished(client: BackendClient, saga_id: str) -> dict[str, object]:
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        try:
            status = client.status(saga_id)
        except requests.HTTPError as refused:
            assert refused.response.status_code == 503, refused.response.text
        else:
            if status["state"] in DECIDED:
                return status
        time.sleep(0.1)
    raise AssertionError(f"{saga_id} was not decided within {LIMIT} s")


def list_of(client: BackendClient, projects: list[str]) -> list[dict[str, str]]:
    answer = client._session.get(f"{client.url}/api/sagas?limit=50", timeout=10)
    return [row for row in answer.json()["sagas"] if row["project_id"] in projects]


def all_ready(system: RunningSystem) -> bool:
    return set(map(str, supervisor.states(system).values())) == {"ready"}


@pytest.mark.slow
def test_a_stopped_system_is_audited_from_its_database_and_comes_up_on_it_again(server, tmp_path: Path):
    """The state folder remembers its log; nobody else may have it, and it may have no other."""
    url = server.create("again")
    with running(tmp_path / "one", env=environment(SAGA_LOG_URL=url, **SETTINGS)) as system:
        saga = start_all(BackendClient(system), ["again"])["again"]
        assert BackendClient(system).wait(saga, LIMIT)["state"] == "committed"
    report = as_json(call(tmp_path / "one", "audit", "--json"))
    assert (report["sagas"], report["orphans"]["files"]) == ({"committed": 1}, 0)
    with running(tmp_path / "one") as system:
        assert BackendClient(system).status(saga)["state"] == "committed"
    done = call(tmp_path / "two", "up", "--detach", env=environment(SAGA_LOG_URL=url))
    assert (done.returncode, "holds 1 sagas of another state folder" in " ".join(done.stderr.split())) == (2, True)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://tester:s3cret-w0rd@127.0.0.1:1/sagas", "cannot be used"),
        ("postgresql://tester:s3cret-w0rd@127.0.0.1:PORT/sagas", "password authentication failed"),
        ("postgresql://tester:PASSWORD@127.0.0.1:PORT/nowhere", 'database "nowhere" does not exist'),
        ("sqlite:////tmp/x", "is no URL of a PostgreSQL database"),
        ("s3cret-w0rd", "is no URL of a PostgreSQL database"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_before_anything_starts(server, tmp_path: Path, url: str, says: str):
    url = url.replace("PORT", str(server.port)).replace("PASSWORD", server.password)
    done = call(tmp_path, "up", "--detach", "--port-offset", "0", env=environment(SAGA_LOG_URL=url))
    said = " ".join(done.stderr.split())
    assert (done.returncode, says in said, "Traceback" in said) == (2, True, False), said
    assert "s3cret-w0rd" not in said
    assert server.password not in said
