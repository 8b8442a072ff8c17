"""The backend's HTTP routes: parse, call, map, return."""
