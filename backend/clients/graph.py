"""The graph as the wiki saga sees it: the Neo4j client's answers as outcomes."""
