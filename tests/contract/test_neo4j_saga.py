"""The graph's part of the wiki saga, with the backend's client: the barrier, exact undo, and races (R6, R7)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from backend.clients.neo4j import Neo4jGraph, QueryRefused, SagaCompensated, SagaConfirmed, SagaMismatch
from backend.clients.neo4j_statements import KINDS, Relationship, SavedRelationship
from backend.saga.errors import Refused
from tests.contract.neo4j_servers import Neo4jServer

ROWS = [
    Relationship("A", "B", "LINKS_TO", "line 3: [B](b.md)"),
    Relationship("A", "C", "MENTIONS", "line 9: C"),
    Relationship("A", "B", "SEE_ALSO"),
]


@pytest.fixture
def graph(graph_server: Neo4jServer) -> Neo4jGraph:
    found = Neo4jGraph(graph_server.send)
    found.prepare()
    return found


def pages(graph_server: Neo4jServer, graph_project: str) -> list[str]:
    rows = graph_server.rows("MATCH (p:Page {project: $project}) RETURN p.name ORDER BY p.name", project=graph_project)
    return [name for [name] in rows]


def barriers(graph_server: Neo4jServer, graph_project: str) -> list[list[str]]:
    statement = "MATCH (b:SagaBarrier {project: $project}) RETURN b.saga_id, b.state ORDER BY b.saga_id"
    return graph_server.rows(statement, project=graph_project)


def saved(saga_id: str, *, pending: bool, rows: list[Relationship] = ROWS) -> list[SavedRelationship]:
    return sorted(
        (SavedRelationship(row.source, row.target, row.kind, row.evidence, saga_id, pending) for row in rows),
        key=lambda row: (row.source, row.target, row.kind),
    )


def test_preparing_twice_changes_nothing(graph: Neo4jGraph) -> None:
    graph.prepare()


def test_relationships_are_pending_until_they_are_confirmed(graph: Neo4jGraph, graph_project: str) -> None:
    assert graph.save_relationships("s1", graph_project, ROWS) == 3
    assert graph.read(graph_project) == saved("s1", pending=True)
    graph.confirm("s1", graph_project)
    graph.confirm("s1", graph_project)
    assert graph.read(graph_project) == saved("s1", pending=False)


def test_a_repeated_save_answers_the_same_and_saves_nothing(graph: Neo4jGraph, graph_project: str) -> None:
    assert [graph.save_relationships("s1", graph_project, rows) for rows in (ROWS, ROWS[::-1])] == [3, 3]
    assert graph.read(graph_project) == saved("s1", pending=True)
    graph.confirm("s1", graph_project)
    assert graph.save_relationships("s1", graph_project, ROWS) == 3
    assert graph.read(graph_project) == saved("s1", pending=False)


def test_the_same_saga_with_other_relationships_is_refused(graph: Neo4jGraph, graph_project: str) -> None:
    graph.save_relationships("s1", graph_project, ROWS)
    with pytest.raises(SagaMismatch):
        graph.save_relationships("s1", graph_project, ROWS[:1])
    assert graph.read(graph_project) == saved("s1", pending=True)


def test_undo_removes_exactly_what_the_saga_saved(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str
) -> None:
    other = [Relationship("A", "D", "LINKS_TO")]
    graph.save_relationships("s1", graph_project, ROWS)
    graph.save_relationships("s2", graph_project, other)
    graph.undo_relationships("s1", graph_project)
    graph.undo_relationships("s1", graph_project)
    assert graph.read(graph_project) == saved("s2", pending=True, rows=other)
    assert pages(graph_server, graph_project) == ["A", "D"]
    graph.undo_relationships("s2", graph_project)
    assert (graph.read(graph_project), pages(graph_server, graph_project)) == ([], [])


def test_undo_keeps_a_page_that_no_saga_made(graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str) -> None:
    graph_server.rows("CREATE (:Page {project: $project, name: 'B', note: 'by hand'})", project=graph_project)
    graph.save_relationships("s1", graph_project, ROWS)
    graph.undo_relationships("s1", graph_project)
    kept = graph_server.rows(
        "MATCH (p:Page {project: $project}) RETURN p.name, p.note, p.made_by", project=graph_project
    )
    assert kept == [["B", "by hand", None]]


def test_undo_leaves_other_projects_alone(graph: Neo4jGraph, graph_project: str) -> None:
    graph.save_relationships("s1", graph_project, ROWS)
    graph.undo_relationships("s1", f"{graph_project}-other")
    graph.confirm("s1", f"{graph_project}-third")
    assert graph.read(graph_project) == saved("s1", pending=True)


def test_an_undo_that_comes_first_bars_the_save(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str
) -> None:
    graph.undo_relationships("s1", graph_project)
    for _ in range(2):
        with pytest.raises(SagaCompensated):
            graph.save_relationships("s1", graph_project, ROWS)
    assert (graph.read(graph_project), pages(graph_server, graph_project)) == ([], [])
    assert barriers(graph_server, graph_project) == [["s1", "compensated"]]


def test_a_late_save_after_its_undo_stays_without_effect(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str
) -> None:
    graph.save_relationships("s1", graph_project, ROWS)
    graph.undo_relationships("s1", graph_project)
    with pytest.raises(SagaCompensated):
        graph.save_relationships("s1", graph_project, ROWS)
    with pytest.raises(SagaCompensated):
        graph.confirm("s1", graph_project)
    assert (graph.read(graph_project), pages(graph_server, graph_project)) == ([], [])


def test_what_is_confirmed_is_not_undone(graph: Neo4jGraph, graph_project: str) -> None:
    graph.save_relationships("s1", graph_project, ROWS)
    graph.confirm("s1", graph_project)
    with pytest.raises(SagaConfirmed):
        graph.undo_relationships("s1", graph_project)
    assert graph.read(graph_project) == saved("s1", pending=False)


def test_a_saga_without_relationships_has_a_barrier_too(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str
) -> None:
    assert graph.save_relationships("s1", graph_project, []) == 0
    graph.confirm("s1", graph_project)
    assert barriers(graph_server, graph_project) == [["s1", "confirmed"]]


def test_confirming_what_was_never_saved_leaves_no_trace(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str
) -> None:
    graph.confirm("s1", graph_project)
    assert barriers(graph_server, graph_project) == []


def test_ended_barriers_are_forgotten_and_open_ones_kept(graph_server: Neo4jServer, graph_project: str) -> None:
    now = [1000.0]
    graph = Neo4jGraph(graph_server.send, clock=lambda: now[0])
    graph.save_relationships("open", graph_project, ROWS)
    graph.undo_relationships("old", graph_project)
    now[0] = 2000.0
    graph.undo_relationships("young", graph_project)
    assert graph.forget_barriers(graph_project, before=1500.0) == 1
    assert barriers(graph_server, graph_project) == [["open", "saved"], ["young", "compensated"]]


def test_twenty_thousand_relationships_take_a_statement_each_way(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str
) -> None:
    """Regression: a list that one FOREACH deletes from grew the time with its square, past the statement's deadline."""
    many = [Relationship(f"p{i % 999}", f"p{i % 997}", KINDS[i % 3], f"line {i}") for i in range(20_000)]
    assert graph.save_relationships("s1", graph_project, many) == 20_000
    graph.confirm("s1", graph_project)
    assert graph.save_relationships("s2", graph_project, many) == 20_000
    graph.undo_relationships("s2", graph_project)
    assert {row.saga_id for row in graph.read(graph_project)} == {"s1"}
    graph_server.rows("MATCH (p:Page {project: $project}) DETACH DELETE p", project=graph_project)


def test_a_failing_statement_is_refused_with_neo4js_code(graph_server: Neo4jServer) -> None:
    with pytest.raises(QueryRefused) as refused:
        Neo4jGraph(graph_server.send, database="nope").read("p")
    assert refused.value.code == "Neo.ClientError.Database.DatabaseNotFound"


def outcome(call: Callable[[], object], into: list[str]) -> None:
    try:
        call()
        into.append("done")
    except Refused as refused:
        into.append(type(refused).__name__)


def at_once(*calls: Callable[[], object]) -> list[str]:
    """What became of calls that start together; anything but done and refused fails the test."""
    results: list[str] = []
    gate = threading.Barrier(len(calls))

    def one(call: Callable[[], object]) -> None:
        gate.wait()
        outcome(call, results)

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(calls), "a call ended with an error that is no refusal"
    return results


@pytest.mark.parametrize("number", range(8))
def test_save_and_undo_at_once_leave_nothing(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str, number: int
) -> None:
    """Whichever comes first: after an undo that succeeded nothing of the saga is there, or will be."""
    results = at_once(
        lambda: graph.save_relationships("s1", graph_project, ROWS),
        lambda: graph.undo_relationships("s1", graph_project),
        lambda: graph.save_relationships("s1", graph_project, ROWS),
    )
    assert set(results) <= {"done", "SagaCompensated"}
    assert (graph.read(graph_project), pages(graph_server, graph_project)) == ([], [])
    assert barriers(graph_server, graph_project) == [["s1", "compensated"]]


@pytest.mark.parametrize("number", range(8))
def test_confirm_and_undo_at_once_are_settled_one_way(graph: Neo4jGraph, graph_project: str, number: int) -> None:
    graph.save_relationships("s1", graph_project, ROWS)
    results = at_once(lambda: graph.confirm("s1", graph_project), lambda: graph.undo_relationships("s1", graph_project))
    if "SagaConfirmed" in results:
        assert graph.read(graph_project) == saved("s1", pending=False)
    else:
        assert sorted(results) == ["SagaCompensated", "done"]
        assert graph.read(graph_project) == []


@pytest.mark.parametrize("number", range(4))
def test_sagas_of_one_project_do_not_take_each_others_pages(
    graph_server: Neo4jServer, graph: Neo4jGraph, graph_project: str, number: int
) -> None:
    rows = [Relationship("A", "B", "LINKS_TO"), Relationship("B", "A", "MENTIONS")]
    for undone in range(3):
        graph.save_relationships(f"undone-{undone}", graph_project, rows)
    results = at_once(
        *(lambda saga=f"undone-{i}": graph.undo_relationships(saga, graph_project) for i in range(3)),
        *(lambda saga=f"kept-{i}": graph.save_relationships(saga, graph_project, rows) for i in range(3)),
    )
    assert set(results) == {"done"}
    assert {row.saga_id for row in graph.read(graph_project)} == {"kept-0", "kept-1", "kept-2"}
    assert (len(graph.read(graph_project)), pages(graph_server, graph_project)) == (6, ["A", "B"])
