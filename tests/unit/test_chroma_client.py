"""The backend's Chroma client against answers that no server should give, and its batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from backend.clients.chroma import BATCH_CHARACTERS, PAGE, ChromaDocuments, ProjectUnknown, StoredDocument
from backend.saga.errors import Refused, Unclear


def answer(status: int, body: Any) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    response.request = requests.Request("GET", "http://chroma.test/x").prepare()
    return response


def client(reply: Callable[[str, str, Any], requests.Response]) -> tuple[ChromaDocuments, list[tuple[str, str, Any]]]:
    sent: list[tuple[str, str, Any]] = []

    def send(method: str, path: str, *, json: Any = None, headers: Any = None) -> requests.Response:
        sent.append((method, path, json))
        return reply(method, path, json)

    return ChromaDocuments(send), sent


def accept(method: str, path: str, body: Any) -> requests.Response:
    return answer(200, {"id": "uuid"} if path.endswith("/collections") else {})


def test_documents_go_out_in_batches_of_bounded_number_and_size() -> None:
    chroma, sent = client(accept)
    small = [StoredDocument(f"s{i}", "x") for i in range(PAGE + 1)]
    big = [StoredDocument(f"b{i}", "x" * (BATCH_CHARACTERS - 1)) for i in range(2)]
    assert chroma.add("proj", [*small, *big]) == PAGE + 3
    assert [len(body["ids"]) for _, path, body in sent if path.endswith("/upsert")] == [PAGE, 2, 1]


def test_adding_nothing_still_makes_the_project_known() -> None:
    chroma, sent = client(accept)
    assert chroma.add("org/repo", []) == 0
    assert [body for *_, body in sent] == [
        {"name": "x--org_2frepo", "metadata": {"project": "org/repo"}, "get_or_create": True}
    ]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(404, {"error": "NotFoundError", "message": "Collection [p] does not exist"}), ProjectUnknown),
        (answer(404, ""), Refused),
        (answer(403, {"error": "AuthorizationError", "message": "no"}), Refused),
        (answer(500, {"error": "InternalError", "message": "no"}), Unclear),
        (answer(503, ""), Unclear),
        (answer(200, "not JSON"), Unclear),
        (answer(200, {"no": "id"}), Unclear),
    ],
)
def test_what_an_answer_to_the_look_up_means(reply: requests.Response, error: type[Exception]) -> None:
    chroma, _ = client(lambda method, path, body: reply)
    with pytest.raises(error) as raised:
        chroma.fetch("proj")
    assert type(raised.value) is error


def test_a_collection_that_is_always_gone_is_not_looked_up_for_ever() -> None:
    def reply(method: str, path: str, body: Any) -> requests.Response:
        gone = {"error": "NotFoundError", "message": "Collection [uuid] does not exist."}
        return answer(200, {"id": "uuid"}) if method == "GET" else answer(404, gone)

    chroma, sent = client(reply)
    with pytest.raises(Unclear):
        chroma.fetch("proj")
    assert len(sent) == 6


def test_columns_of_different_length_are_no_documents() -> None:
    columns = {"id": "uuid", "ids": ["a", "b"], "documents": ["x"], "metadatas": [None]}
    chroma, _ = client(lambda method, path, body: answer(200, columns))
    with pytest.raises(Unclear):
        chroma.fetch("proj")
