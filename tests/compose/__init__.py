"""The whole system in containers: `make compose-test` runs these, and nothing else does."""
