"""What the Neo4j stub answered is there after a kill -9, and the graph stays usable however often that happens."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.clients import neo4j_statements as statements
from backend.clients.neo4j_statements import Relationship
from neo4j_stub.errors import QueryFailed
from neo4j_stub.store import GraphStore, Statement
from tests.contract.neo4j_servers import PASSWORD, QUERY, USER, Neo4jServer
from tests.contract.stub_kills import written_while_killed
from tests.contract.stub_process import StubProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[StubProcess]:
    found = StubProcess("neo4j_stub", tmp_path / "neo4j", {"NEO4J_PASSWORD": PASSWORD})
    yield found
    found.stop()


def test_every_acknowledged_write_survives_kill_9(process: StubProcess) -> None:
    process.start()
    server = Neo4jServer(process.url, (USER, PASSWORD))

    def write(number: int) -> bool:
        return server.query(f"CREATE (:Mark {{number: {number}}})").status_code == 202

    def check(acknowledged: set[int]) -> None:
        found = [number for [number] in server.rows("MATCH (m:Mark) RETURN m.number")]
        assert acknowledged <= set(found)
        assert len(found) == len(set(found))

    written_while_killed(process, write, check)
    server.close()


def test_an_open_transaction_is_gone_after_kill_9(process: StubProcess) -> None:
    process.start()
    server = Neo4jServer(process.url, (USER, PASSWORD))
    opened = server.query("CREATE (:Open)", path=f"{QUERY}/tx").json()["transaction"]["id"]
    process.kill()
    process.start()
    assert server.rows("MATCH (n:Open) RETURN count(n)") == [[0]]
    assert server.call("POST", f"{QUERY}/tx/{opened}/commit", {}).status_code == 404
    server.close()


GRAPH = "MATCH (a)-[r]->(b) RETURN a.project, a.name, type(r), b.name, r.saga_id, r.evidence, r.pending"
NODES = "MATCH (n) RETURN labels(n), n.project, n.name, n.made_by, n.key, n.state, n.digest"


def contents(store: GraphStore) -> list[str]:
    return sorted(repr(row) for query in (GRAPH, NODES) for row in store.run(Statement(query, {})).rows)


def some_saga_statement(random_: random.Random) -> statements.Statement:
    saga, project = f"s{random_.randrange(12)}", f"p{random_.randrange(2)}"
    pages = [f"N{number}" for number in range(5)]
    rows = [
        Relationship(
            random_.choice(pages),
            random_.choice(pages),
            random_.choice(statements.KINDS),
            random_.choice([None, "e1", "e2"]),
        )
        for _ in range(random_.randrange(6))
    ]
    dice = random_.random()
    if dice < 0.5:
        return statements.save(saga, project, rows, 1.0)
    return statements.undo(saga, project, 1.0) if dice < 0.8 else statements.confirm(saga, project, 1.0)


@pytest.mark.parametrize("seed", range(12))
def test_any_mix_of_sagas_and_reopenings_keeps_the_graph(tmp_path: Path, seed: int) -> None:
    """Regression: the engine of 0.21.2 forgets where its node ids are after deletions and a reopening."""
    random_ = random.Random(seed)
    folder, crashed = tmp_path / "graph", tmp_path / "crashed"
    store = GraphStore(folder)
    for text in statements.SETUP:
        store.run(Statement(text, {}))
    for _ in range(40):
        step = some_saga_statement(random_)
        store.run(Statement(step.text, step.parameters))
        if random_.random() < 0.25:
            before = contents(store)
            if random_.random() < 0.5:  # as a crash leaves it: the files as they are at this moment
                shutil.copytree(folder, crashed)
                store.close()
                shutil.rmtree(folder)
                crashed.rename(folder)
            else:
                store.close()
            store = GraphStore(folder)
            assert contents(store) == before
    store.close()


def test_a_new_property_of_a_known_label_is_no_error(tmp_path: Path) -> None:
    """Regression: the engine takes it for a typing error; Neo4j has no such check."""
    store = GraphStore(tmp_path)
    store.run(Statement("CREATE (:A {x: 1})", {}))
    store.run(Statement("CREATE (:A {x: 2, y: 3, z: 4})", {}))
    assert store.run(Statement("MATCH (a:A {never: 1}) RETURN a", {})).rows == []
    transaction = store.begin()
    transaction.run(Statement("CREATE (:A {w: 5})", {}))
    transaction.run(Statement("CREATE (:A {v: 6})", {}))
    transaction.commit()
    assert store.run(Statement("MATCH (a:A) RETURN count(a) AS n", {})).rows == [[4]]
    store.close()


def test_a_second_writer_waits_and_is_told_to_come_back(tmp_path: Path) -> None:
    store = GraphStore(tmp_path, writer_wait=0.05)
    transaction = store.begin()
    transaction.run(Statement("CREATE (:A)", {}))
    with pytest.raises(QueryFailed) as refused:
        store.run(Statement("CREATE (:A)", {}))
    assert refused.value.code.startswith("Neo.TransientError")
    transaction.rollback()
    store.run(Statement("CREATE (:A)", {}))
    assert store.run(Statement("MATCH (a:A) RETURN count(a) AS n", {})).rows == [[1]]
    store.close()


def test_a_graph_that_is_let_go_in_time_is_waited_for(tmp_path: Path) -> None:
    """A supervisor restarts a killed server while the old worker still has the files."""
    old = GraphStore(tmp_path)
    old.run(Statement("CREATE (:A)", {}))
    letting_go = threading.Timer(0.3, old.close)
    letting_go.start()
    new = GraphStore(tmp_path)
    letting_go.join()
    assert new.run(Statement("MATCH (a:A) RETURN count(a) AS n", {})).rows == [[1]]
    new.close()
