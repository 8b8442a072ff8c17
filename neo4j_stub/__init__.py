"""A small Neo4j: the HTTP Query API v2 in front of a real Cypher engine. Data is durable before the answer."""
