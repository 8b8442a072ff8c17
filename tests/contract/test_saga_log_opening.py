"""What names a saga log, and what is said of that which names none or cannot be used."""

from __future__ import annotations

import sqlite3

import pytest

from backend.saga.state import SagaState
from backend.saga_log import open_saga_log
from tests.contract.saga_logs import enter


def test_a_sqlite_log_outlives_its_process(tmp_path):
    url = f"sqlite:///{tmp_path}/log.sqlite3"
    first = open_saga_log(url)
    enter(first, "s1")
    first.close()
    second = open_saga_log(url)
    assert second.get("s1").state is SagaState.PENDING
    second.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://ann:s3cret@localhost/log", "'mysql'.*: write sqlite:///PATH, postgresql://.* or memory:"),
        ("garbage", "no URL of a saga log: write sqlite:///PATH"),
        ("postgresql://ann:s3cret@localhost:port/log", "no URL of a saga log"),
        ("sqlite://", "sqlite:///PATH.* memory:"),
        ("sqlite:///:memory:", "sqlite:///PATH.* memory:"),
        ("sqlite://folder/s3cret.sqlite3", "sqlite:///PATH.* memory:"),
    ],
)
def test_what_names_no_log_is_refused_with_what_is_expected_and_without_a_password(url, expected):
    with pytest.raises(ValueError, match=expected) as refused:
        open_saga_log(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_an_empty_url_is_the_default_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_saga_log("").close()
    assert (tmp_path / "saga-log.sqlite3").exists()


@pytest.mark.parametrize("path", [".", "text", "text/log.sqlite3", "text/below/log.sqlite3"])
def test_a_path_that_cannot_be_a_log_is_told_in_one_line(tmp_path, path):
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(OSError, match=f"^the saga log {tmp_path / path}.* cannot be used: ") as refused:
        open_saga_log(f"sqlite:///{tmp_path}/{path}")
    assert "\n" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_log_that_cannot_be_written_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "backend.saga_log.dialect.time.sleep", lambda _: pytest.fail("it waits for what will not change")
    )
    sqlite3.connect(tmp_path / "log.sqlite3").close()
    with pytest.raises(OSError, match="cannot be used: attempt to write a readonly database"):
        open_saga_log(f"sqlite:///file:{tmp_path}/log.sqlite3?mode=ro&uri=true")
