"""What the commands make of sagas, documents, logs and keys; no process is started."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from backend.batches import batched
from backend.schemas import DocumentIn
from backend.wiki.documents import Document
from service_kit.tokens import KeyRing
from testbed import keys, records
from testbed.commands.ingest import BATCH_CHARACTERS, BATCH_DOCUMENTS, _checked
from testbed.layout import ProcessSpec
from testbed.log_stream import LogStream
from testbed.processes import ProcessRecord
from testbed.saga_view import event_line, outcome, saga_table, without_promise


def document(text: str = "x", title: str = "t") -> DocumentIn:
    return DocumentIn(doc_id="d", title=title, text=text)


def event(kind: str, step: str | None = None, **data: Any) -> dict[str, Any]:
    return {"at": 101.5, "type": kind, "step": step, "data": data}


def test_batches_keep_the_order_and_both_limits() -> None:
    many = [document(title=str(n)) for n in range(2 * BATCH_DOCUMENTS + 1)]
    batches = list(batched(many, BATCH_DOCUMENTS, BATCH_CHARACTERS))
    assert [len(batch) for batch in batches] == [BATCH_DOCUMENTS, BATCH_DOCUMENTS, 1]
    assert [one for batch in batches for one in batch] == many


def test_large_documents_travel_in_batches_of_their_own() -> None:
    big = document("x" * (1024 * 1024))
    fits = BATCH_CHARACTERS // len(big.text)
    assert [len(batch) for batch in batched([big] * (fits + 1), BATCH_DOCUMENTS, BATCH_CHARACTERS)] == [fits, 1]
    assert list(batched([], BATCH_DOCUMENTS, BATCH_CHARACTERS)) == []


def test_a_document_that_the_backend_would_refuse_does_not_cost_its_batch() -> None:
    good = Document("a", "A", "text", "x", "a")
    ready, refused = _checked([good, Document("b", "B" * 501, "text", "x", "b"), Document("c", "C", "html", "x", "c")])
    assert [one.doc_id for one in ready] == ["a"]
    assert [(one.doc_id, one.reason.partition(":")[0]) for one in refused] == [("b", "title"), ("c", "format")]


def test_an_event_is_a_line_with_its_time_step_and_plain_values() -> None:
    line = event_line(
        event("step.unclear", "Save wiki files", problem="timeout", retry_at=102.0, result={"a": 1}), 100.0
    )
    assert line.plain == "   1.50 s  step.unclear           Save wiki files  problem timeout, retry_at in 0.5 s"


def test_no_time_of_a_next_try_is_told_of_a_saga_that_nobody_tries_again() -> None:
    parked = event("saga.parked", "Save", problem="away", retry_at=161.5)
    (told,) = without_promise({"saga_type": "inline"}, [parked])
    assert event_line(told, 101.5).plain == "   0.00 s  saga.parked            Save  problem away"
    assert without_promise({"saga_type": "wiki"}, [parked]) == [parked]


def test_an_operators_event_tells_the_name_that_was_given_and_whose_token_it_was() -> None:
    who = {"by": "Ada", "authenticated_as": "bob", "reason": "a test"}
    line = event_line(event("saga.retry_requested", None, **who), 100.0)
    assert line.plain.endswith("by Ada, authenticated_as bob, reason a test")


def test_an_event_that_carries_nothing_ends_with_its_step() -> None:
    assert event_line(event("step.done", "Save"), 101.5).plain == "   0.00 s  step.done              Save"


@pytest.mark.parametrize(
    ("saga", "line"),
    [
        (
            {"state": "committed", "files_created": 3, "snapshot_id": "snap-1"},
            "s is committed: 3 files, snapshot snap-1",
        ),
        ({"state": "committed", "snapshot_id": "snap-1"}, "s is committed: snapshot snap-1"),
        ({"state": "committed"}, "s is committed"),
        ({"state": "rolled_back", "error": "timeout"}, "s is rolled_back: timeout"),
        ({"state": "failed"}, "s is stuck in its rollback; next: testbed sagas retry|skip s --reason ..."),
        (
            {"state": "failed", "saga_type": "inline"},
            "s is stuck in its rollback; next: execute it again in its own process,"
            " if need be after testbed sagas skip",
        ),
    ],
)
def test_the_outcome_is_one_line(saga: dict[str, Any], line: str) -> None:
    assert outcome({"saga_id": "s"} | saga) == line


def test_the_id_of_a_saga_is_never_cut_in_a_narrow_terminal() -> None:
    saga_id = "wiki-" + "a-long-name-of-a-project-" * 4 + "0123456789abcdef"
    row = {"saga_id": saga_id, "project_id": "p", "state": "committed", "created_at": 0.0, "updated_at": 1.0}
    out = io.StringIO()
    Console(file=out, width=80).print(saga_table([row]))
    cells = [line.split()[0] for line in out.getvalue().splitlines()[1:]]
    assert "".join(cells) == saga_id


def test_keys_are_strong_different_and_made_once(tmp_path: Path) -> None:
    first = keys.read_or_make(tmp_path)
    rings = [KeyRing.parse(first[name]) for name in keys.NAMES]
    assert rings[0].signing != rings[1].signing
    assert keys.read_or_make(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_a_rotated_key_and_a_name_of_the_users_own_are_kept(tmp_path: Path) -> None:
    rotated = f"k2:{'n' * 40},k1:{'o' * 40}"
    (tmp_path / "secrets.env").write_text(f"# mine\nINTERNAL_TOKEN_KEYS={rotated}\nOTHER=1\n")
    found = keys.read_or_make(tmp_path)
    assert found["INTERNAL_TOKEN_KEYS"] == rotated
    assert set(found) == {*keys.NAMES, "OTHER"}
    assert keys.read_or_make(tmp_path) == found


def test_the_log_stream_shows_whole_lines_of_this_start_only_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "worker.log"
    log.write_text("before\n")
    spec = ProcessSpec("worker", ("true",), {}, (), None)
    records.write(tmp_path, [ProcessRecord(spec, pid=0, mark=-1.0, log_offset=log.stat().st_size)])
    stream, out = LogStream(tmp_path), io.StringIO()
    console = Console(file=out, width=100)
    with log.open("a") as file:
        file.write("one [bold]\ntw")
        file.flush()
        stream.show_news(console)
        file.write("o\n")
    stream.show_news(console)
    stream.show_news(console)
    assert [line.split(maxsplit=1) for line in out.getvalue().splitlines()] == [
        ["worker", "one [bold]"],
        ["worker", "two"],
    ]
