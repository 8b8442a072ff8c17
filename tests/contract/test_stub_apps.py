"""The two stubs' apps, made in this process: what the environment must say, and that an app lets go of its files."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import chroma_stub.app
import neo4j_stub.app
from service_kit.settings import SettingsError
from tests.contract.stub_process import KEYS, internal_token

STUBS = pytest.mark.parametrize("stub", [chroma_stub.app, neo4j_stub.app], ids=["chroma", "neo4j"])


@STUBS
def test_without_keys_it_does_not_start(stub: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("INTERNAL_TOKEN_KEYS", raising=False)
    with pytest.raises(SettingsError, match="INTERNAL_TOKEN_KEYS"):
        stub.create_app()


@STUBS
def test_a_weak_secret_is_named_and_not_shown(
    stub: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INTERNAL_TOKEN_KEYS", "k1:short-secret")
    with pytest.raises(SettingsError, match="32 bytes") as refused:
        stub.create_app()
    assert "short-secret" not in str(refused.value)


@STUBS
def test_a_closed_app_lets_the_next_one_in(stub: ModuleType, tmp_path: Path) -> None:
    for _ in range(3):
        app = stub.create_app(stub.Settings(internal_token_keys=KEYS, data_dir=tmp_path))
        answer = app.test_client().get("/readyz", headers={"X-INTERNAL-TOKEN": internal_token()})
        assert (answer.status_code, answer.json) == (200, {"status": "ready"})
        app.extensions["close"]()


@STUBS
def test_a_data_folder_that_cannot_be_made_is_an_error_at_start(stub: ModuleType, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    with pytest.raises(OSError, match=r"exists|directory"):
        stub.create_app(stub.Settings(internal_token_keys=KEYS, data_dir=blocked))
