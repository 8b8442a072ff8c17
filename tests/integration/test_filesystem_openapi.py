"""The OpenAPI document is true: generated requests, good and bad, find no 5xx and nothing undescribed."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.integration.filesystem_support import headers
from tests.integration.filesystem_wire import Wire

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "20"))
# What JSON Schema cannot say of a file name, and that body and header must name the same saga.
BEYOND_SCHEMA = {"filename", "saga_id"}
FOLDER = tempfile.mkdtemp(prefix="fs-openapi-")
atexit.register(shutil.rmtree, FOLDER)
schema = schemathesis.openapi.from_wsgi("/openapi.json", Wire.of(Path(FOLDER) / "data").app)


def test_every_call_of_the_contract_is_documented() -> None:
    documented = {
        f"{operation.method.upper()} {operation.path}" for operation in (r.ok() for r in schema.get_all_operations())
    }
    assert documented == {
        "POST /save_file",
        "POST /file",
        "GET /file/{project_id}/{filename}",
        "DELETE /file/{project_id}/{filename}",
        "GET /files/{project_id}",
        "POST /files/{project_id}",
        "DELETE /files/{project_id}",
        "POST /saga/{saga_id}/confirm",
        "GET /saga/{saga_id}",
    }


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_document_is_true(case: schemathesis.Case) -> None:
    response = case.call(headers=headers("*"))
    named = (
        {row["field"].rsplit(".")[-1] for row in response.json()["errors"]} if response.status_code == 400 else set()
    )
    beyond = bool(named) and named <= BEYOND_SCHEMA
    # A parameter that a read does not know is left alone, as everywhere on the web.
    unknown = [negative_data_rejection] if case.method == "GET" else []
    case.validate_response(response, excluded_checks=[*([positive_data_acceptance] if beyond else []), *unknown])
