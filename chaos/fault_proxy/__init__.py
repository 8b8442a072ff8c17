"""An embedded fault proxy that speaks Toxiproxy's HTTP API and also injects faults per HTTP request.

`python -m chaos.fault_proxy` starts it. What it adds to, and deliberately changes in, Toxiproxy 2.x is the
table in `docs/fault-proxy.md`.
"""

API_VERSION = "2.12.0"
VERSION = f"{API_VERSION}+saga-testbed"
