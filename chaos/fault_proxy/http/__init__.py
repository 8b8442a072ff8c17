"""Faults per HTTP request: watching the messages of a connection and treating some of them differently."""
