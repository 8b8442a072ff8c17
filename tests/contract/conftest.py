"""Fixtures that several contract modules share."""

from tests.contract.neo4j_fixtures import graph_project, graph_server, label
from tests.contract.saga_logs import postgres_url

__all__ = ["graph_project", "graph_server", "label", "postgres_url"]
