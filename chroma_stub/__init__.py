"""A small Chroma: the HTTP v2 API over SQLite. Data is durable before the answer."""
