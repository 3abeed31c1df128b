"""Requests drawn from the server's own schema are answered as the schema says (schemathesis)."""

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
schema = schemathesis.pytest.from_fixture("api")


@pytest.fixture
def api(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@schema.parametrize()
@hypothesis.settings(max_examples=8, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_a_route_keeps_to_its_schema(case):
    case.call_and_validate(checks=CHECKS)
