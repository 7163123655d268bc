"""The OpenAPI description: what FastAPI finds, plus what only we know about problems, sign-in and acts."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from api.acting import ACT, ONBOARDING_ACT
from api.problems import ProblemBody

ABOUT = """Throughline carries a deal from the CRM to delivered work. Every refusal is a problem document (RFC 9457)
with a stable `code` and, in `next`, what to do. Acts carry a one-time key: the same key twice is one act."""


def describe(app: FastAPI) -> None:
    """Let the application describe itself with our additions."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(description: dict[str, Any]) -> dict[str, Any]:
    components = description.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    _, problem = models_json_schema([(ProblemBody, "serialization")], ref_template="#/components/schemas/{model}")
    schemas |= problem["$defs"]
    for place, kind in (("deals", ACT), ("onboardings", ONBOARDING_ACT)):
        described = kind.json_schema(ref_template="#/components/schemas/{model}")
        schemas |= described.pop("$defs")
        operation = description["paths"][f"/api/{place}/{{source}}/{{source_id}}/acts"]["post"]
        operation["requestBody"]["content"]["application/json"]["schema"] = described
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for schema in schemas.values():
        _unsign(schema)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for operations in description["paths"].values():
        for operation in operations.values():
            if "401" in operation["responses"] and "/webhooks" not in str(operation.get("operationId")):
                operation["security"] = [{"token": []}]
            operation["responses"].pop("422", None) if _unread(operation) else None
    return description


def _unsign(schema: dict[str, Any]) -> None:
    """The door fills in who acts; a caller who sends the key as a header need not repeat it."""
    if {"do", "key", "by"} <= schema.get("properties", {}).keys():
        del schema["properties"]["by"]
        schema["required"] = [name for name in schema.get("required", []) if name not in {"by", "key"}]


def _unread(operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("422", {}).get("content", {})
    return "HTTPValidationError" in str(content)
