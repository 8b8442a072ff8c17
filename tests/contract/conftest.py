"""Fixtures that several contract modules share."""

from tests.contract.neo4j_fixtures import graph_project, graph_server, label

__all__ = ["graph_project", "graph_server", "label"]
