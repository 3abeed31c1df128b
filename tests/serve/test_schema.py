"""Requests drawn from the server's own schema are answered as the schema says (schemathesis)."""

import hypothesis
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
SETTINGS = hypothesis.settings(
    max_examples=6, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)


def test_each_route_keeps_to_the_schema(server):
    routes = [
        each.ok() for each in schemathesis.openapi.from_url(f"{server.url}/openapi.json").get_all_operations()
    ]
    assert len(routes) > 15
    for route in routes:

        @SETTINGS
        @hypothesis.given(route.as_strategy())
        def ask(case):
            case.call_and_validate(checks=CHECKS)

        ask()
