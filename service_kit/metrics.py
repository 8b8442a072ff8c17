"""Prometheus metrics that every service has. docs/metrics.md lists them all."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"


def install_metrics(app: Flask, service: str) -> CollectorRegistry:
    """Count and time every request of ``app`` and serve ``/metrics``.

    Returns:
        A registry for collectors that read what they tell at each scrape. Each process tells all of it, so nothing is
        added up over processes there.
    """
    registry, read_at_scrape = CollectorRegistry(), CollectorRegistry()
    requests = Counter(
        "http_requests", "Requests answered.", ["service", "method", "route", "status"], registry=registry
    )
    seconds = Histogram("http_request_seconds", "Time to answer, in seconds.", ["service", "route"], registry=registry)

    @app.before_request
    def start_clock() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def observe(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unmatched"
        requests.labels(service, request.method, route, str(response.status_code)).inc()
        if "started" in g:
            seconds.labels(service, route).observe(time.perf_counter() - g.started)
        return response

    @app.route("/metrics")
    def metrics() -> Response:
        text = generate_latest(_exported(registry)) + generate_latest(read_at_scrape)
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    return read_at_scrape


def _exported(registry: CollectorRegistry) -> CollectorRegistry:
    """With several worker processes each holds a part of the counts; prometheus_client adds them up from a folder."""
    if MULTIPROCESS_DIR not in os.environ:
        return registry
    merged = CollectorRegistry()
    MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
    return merged
