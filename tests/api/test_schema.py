"""Every operation against its own description, for every role: no crash, no undocumented answer, no wrong shape."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as examples
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import as_token
from tests.api.test_policy import closed_app

ROLES = {"dana": "sales", "noor": "finance", "marco": "operations", "iris": "sales operations"}
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
# A stream has no end, and a webhook is its vendor's to describe.
LEFT_OUT = ("/api/events", "/webhooks/hubspot", "/webhooks/slack", "/readyz")

described = closed_app().openapi()
schema = schemathesis.openapi.from_dict(described)
OPERATIONS = [operation.ok() for operation in schema.get_all_operations() if operation.ok().path not in LEFT_OUT]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("person", ROLES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method.upper()} {o.path}")
def test_every_answer_is_as_described(doors: str, person: str, operation: Any) -> None:
    headers = {"Authorization": f"Bearer token-of-{person}"}

    @seed(20261117)
    @examples(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def answers(case: Any) -> None:
        response: Response = case.call(base_url=doors, headers=headers, timeout=30)
        case.validate_response(response, checks=list(CHECKS))

    answers()


def test_the_description_has_examples_and_says_how_to_sign_in() -> None:
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert described["components"]["schemas"]["StartDeal"]["examples"]
    assert described["components"]["schemas"]["ProblemBody"]["examples"]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation.get("description") or operation.get("summary"), path


async def test_the_description_is_served_to_everybody(doors: str) -> None:
    async with httpx2.AsyncClient(base_url=doors, timeout=30) as client:
        answer = await client.get("/api/openapi.json")
    assert answer.status_code == 200
    assert "/api/deals" in answer.json()["paths"]


async def test_acts_are_described_without_who_acts(doors: str) -> None:
    async with as_token(doors, "dana") as client:
        schemas = (await client.get("/api/openapi.json")).json()["components"]["schemas"]
    assert "by" not in schemas["Decide"]["properties"]
    assert set(schemas["Decide"]["required"]) == {"step", "round", "edition", "verdict"}
