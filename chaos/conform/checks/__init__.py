"""All checks, in the order in which they run. A new one is a function in one of these modules, or a module more."""

from chaos.conform.checks import actions, compensations, barrier, races, sagas, access, requests, memory  # noqa: F401, I001
