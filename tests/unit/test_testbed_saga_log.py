"""Where a system's saga log is, who is told, and what is in the way of one in PostgreSQL."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from backend.saga_log import schema
from chaos.running_system import SAGA_LOG_URL, is_worker, saga_log_of
from testbed import keys, postgres, preflight_log
from testbed.commands.up import plan
from testbed.layout import Layout

SECRET = "s3cret-w0rd"
URL = f"postgresql://ann:{SECRET}@127.0.0.1:1/sagas"


def planned(state: Path, env: dict[str, str], workers: int = 1) -> Layout:
    return plan(env, state=state, port_offset=0, proxy="none", only=None, workers=workers)


def test_the_workers_are_numbered_from_the_second_on_and_all_alike(tmp_path: Path) -> None:
    layout = planned(tmp_path, {}, workers=3)
    workers = [spec for spec in layout.processes() if is_worker(spec.name)]
    assert [spec.name for spec in workers] == ["worker", "worker-2", "worker-3"]
    assert len({(spec.argv, tuple(spec.env.items()), spec.secrets) for spec in workers}) == 1
    assert [spec.name for spec in planned(tmp_path, {}).processes() if is_worker(spec.name)] == ["worker"]
    assert not is_worker("workers")


def test_a_log_in_postgresql_is_a_secret_of_the_backend_and_its_workers_alone(tmp_path: Path) -> None:
    layout = planned(tmp_path, {SAGA_LOG_URL: URL}, workers=2)
    told = {spec.name for spec in layout.processes() if SAGA_LOG_URL in spec.secrets}
    assert told == {"backend", "worker", "worker-2"}
    assert SECRET not in repr(layout)
    assert SECRET not in repr(layout.processes())


def test_a_log_in_sqlite_is_no_secret(tmp_path: Path) -> None:
    spec = next(spec for spec in planned(tmp_path, {}).processes() if spec.name == "worker")
    assert spec.env[SAGA_LOG_URL] == f"sqlite:///{saga_log_of(tmp_path)}"
    assert SAGA_LOG_URL not in spec.secrets


def test_the_state_folder_remembers_its_database_with_its_keys(tmp_path: Path) -> None:
    before = keys.read_or_make(tmp_path)
    assert saga_log_of(tmp_path) == tmp_path / "data" / "backend" / "saga-log.sqlite3"
    keys.remember_saga_log(tmp_path, URL)
    assert saga_log_of(tmp_path) == URL
    assert keys.read_or_make(tmp_path) == before | {SAGA_LOG_URL: URL}
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert planned(tmp_path, {}).saga_log_url == URL
    elsewhere = URL.replace("127.0.0.1", "db.example")
    assert planned(tmp_path, {SAGA_LOG_URL: elsewhere}).saga_log_url == elsewhere


def test_a_missing_driver_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight_log, "find_spec", lambda name: None)
    (obstacle,) = preflight_log.saga_log(planned(tmp_path, {SAGA_LOG_URL: URL}))
    assert "pip install 'saga-testbed[postgres]'" in obstacle


def test_a_folder_whose_sagas_are_in_a_file_gets_no_other_log(tmp_path: Path) -> None:
    layout = planned(tmp_path, {SAGA_LOG_URL: URL})
    layout.saga_log.parent.mkdir(parents=True)
    layout.saga_log.touch()
    (obstacle,) = preflight_log.saga_log(layout)
    assert "all that they did would be orphans" in obstacle


@pytest.mark.parametrize("url", [f"mysql://ann:{SECRET}@h/d", f"sqlite:////{SECRET}", f"//{SECRET}", f"{SECRET}://x:y"])
def test_no_obstacle_shows_what_is_in_the_url(tmp_path: Path, url: str) -> None:
    (obstacle,) = preflight_log.saga_log(planned(tmp_path, {SAGA_LOG_URL: url}))
    assert "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" in obstacle
    assert SECRET not in obstacle


def test_what_is_dumped_and_dropped_is_every_table_of_the_log() -> None:
    assert set(postgres.TABLES) == set(schema.metadata.tables)
