"""What the backend and Chroma's own clients rely on, on the stub and on a real server where one is there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.chroma_servers import COLLECTIONS, ChromaServer, real_server, stub_server, why_no_real_server

SERVERS = {"stub": stub_server, "real": real_server}
REAL = pytest.param("real", marks=pytest.mark.skipif(bool(why_no_real_server()), reason=why_no_real_server() or ""))


@pytest.fixture(scope="module", params=["stub", REAL])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    with SERVERS[request.param](Path(tmp_path_factory.mktemp("chroma"))) as found:
        yield found


@pytest.fixture
def records(server: ChromaServer) -> str:
    return server.new_collection(f"c-{uuid.uuid4().hex}")


def test_the_start_up_sequence_of_the_official_client(server: ChromaServer) -> None:
    assert server.call("GET", "/api/v2/auth/identity").json() == {
        "user_id": "",
        "tenant": "default_tenant",
        "databases": ["default_database"],
    }
    tenant = server.call("GET", "/api/v2/tenants/default_tenant")
    assert tenant.json() == {"name": "default_tenant", "resource_name": None}
    database = server.call("GET", "/api/v2/tenants/default_tenant/databases/default_database").json()
    assert database["id"] == "00000000-0000-0000-0000-000000000000"
    checks = server.call("GET", "/api/v2/pre-flight-checks").json()
    assert checks == {"max_batch_size": 5461, "supports_base64_encoding": True}


def test_a_collection_is_found_by_name_and_by_uuid(server: ChromaServer) -> None:
    name = f"c-{uuid.uuid4().hex}"
    made = server.call("POST", COLLECTIONS, {"name": name, "metadata": {"project": "p"}})
    assert made.status_code == 200
    found = server.call("GET", f"{COLLECTIONS}/{name}").json()
    assert (found["id"], found["metadata"], found["dimension"]) == (made.json()["id"], {"project": "p"}, None)
    again = server.call("POST", COLLECTIONS, {"name": name})
    assert (again.status_code, again.json()["message"]) == (409, f"Collection [{name}] already exists")
    assert server.call("GET", f"{COLLECTIONS}/{found['id']}").status_code == 404


def test_what_was_added_is_read_back_in_order_and_page_by_page(server: ChromaServer, records: str) -> None:
    ids = [f"d{number}" for number in range(25)]
    body = {"ids": ids, "embeddings": [[float(n), 1.0] for n in range(25)], "documents": ids}
    assert server.call("POST", f"{records}/add", body).status_code == 201
    pages = [server.call("POST", f"{records}/get", {"limit": 10, "offset": at}).json() for at in (0, 10, 20, 30)]
    assert [len(page["ids"]) for page in pages] == [10, 10, 5, 0]
    assert [each for page in pages for each in page["ids"]] == ids
    assert server.call("GET", f"{records}/count").json() == 25


@pytest.mark.parametrize(
    ("space", "distances"),
    [("l2", [0.0, 1.0, 5.0]), ("cosine", [0.0, 0.29289323, 1.0]), ("ip", [0.0, 0.0, 1.0])],
)
def test_distances(server: ChromaServer, space: str, distances: list[float]) -> None:
    configuration = {"hnsw": {"space": space}}
    path = server.new_collection(f"c-{uuid.uuid4().hex}", configuration=configuration)
    body = {"ids": ["same", "between", "across"], "embeddings": [[1, 0], [1, 1], [0, 2]]}
    assert server.call("POST", f"{path}/add", body).status_code == 201
    answer = server.call("POST", f"{path}/query", {"query_embeddings": [[1, 0]], "n_results": 3}).json()
    assert answer["distances"][0] == pytest.approx(distances, abs=1e-6)


def test_a_wrong_dimension_is_refused_and_nothing_is_added(server: ChromaServer, records: str) -> None:
    assert server.call("POST", f"{records}/add", {"ids": ["a"], "embeddings": [[1, 2, 3]]}).status_code == 201
    refused = server.call("POST", f"{records}/add", {"ids": ["b"], "embeddings": [[1, 2]]})
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "InvalidArgumentError", "message": "Collection expecting embedding with dimension of 3, got 2"},
    )
    assert server.call("GET", f"{records}/count").json() == 1


def test_a_batch_with_one_bad_record_leaves_nothing(server: ChromaServer, records: str) -> None:
    body = {"ids": ["good", "bad"], "embeddings": [[1, 2], ["x", 2]]}
    assert server.call("POST", f"{records}/add", body).status_code == 422
    assert server.call("GET", f"{records}/count").json() == 0


def test_unknown_paths_and_verbs_are_answered_without_a_body(server: ChromaServer) -> None:
    assert [
        (answer.status_code, answer.text)
        for answer in (
            server.call("GET", "/api/v2/nope"),
            server.call("PATCH", COLLECTIONS),
        )
    ] == [(404, ""), (405, "")]


def test_a_wrong_content_type_is_refused(server: ChromaServer) -> None:
    answer = server.call("POST", COLLECTIONS, data='{"name": "abc"}', headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()) == (
        415,
        {"error": "ChromaError", "message": "Expected request with `Content-Type: application/json`"},
    )


def test_a_body_over_forty_mebibytes_is_refused(server: ChromaServer) -> None:
    answer = server.call("POST", COLLECTIONS, data=b" " * (41 * 1024 * 1024), headers={"Expect": "100-continue"})
    assert answer.status_code == 413
