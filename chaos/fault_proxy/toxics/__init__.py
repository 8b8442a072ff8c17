"""The toxics, one module each, registered under their public names. Importing this package registers all."""

from . import bandwidth, http_fault, latency, limit_data, noop, reset_peer, slicer, slow_close, timeout
from .base import Behaviour, find, names

__all__ = [
    "Behaviour",
    "bandwidth",
    "find",
    "http_fault",
    "latency",
    "limit_data",
    "names",
    "noop",
    "reset_peer",
    "slicer",
    "slow_close",
    "timeout",
]
