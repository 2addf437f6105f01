"""The OpenAPI document: what FastAPI derives from the routes, and what all routes have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI

from checkie.web import contract

ABOUT: Final = """A purchase is a session: opening a page creates one; the buyer changes it, pays, and reads its status.

**Amounts** are whole minor units with their currency: `{"amount": 2599, "currency": "USD"}` is $25.99. **Times** are
ISO 8601 in UTC. **Names** are snake_case.

**Authentication**: a session's client secret, as `Authorization: Bearer`.

**Errors** are `application/problem+json`. `code` is stable, `detail` is for people, `param` names the invalid field.
Each response lists its codes. In addition: 404 `not_found` for an unknown address, 405 `method_not_allowed` with the
header `Allow`, 500 `internal_error`.

**Every response** has the header `X-Request-Id`. Bodies are at most 256 KiB. Responses must not be cached."""
TAGS: Final = [
    {"name": "Widget", "description": "Called by a buyer's browser: open a page, change its session, pay."},
    {"name": "Provider webhooks", "description": "Called by payment providers: events about payments."},
    {"name": "Operations", "description": "Called by the operator: health and metrics."},
]
_METHODS: Final = frozenset({"get", "put", "post", "patch", "delete"})
Json = dict[str, Any]


class Api(FastAPI):
    """The application, with a complete document."""

    def openapi(self) -> Json:
        """The document. It is built once."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema


def complete(document: Json) -> Json:
    """The document with what is true of every route, and without what FastAPI assumes."""
    schemas = document["components"]["schemas"]
    for assumed in ("HTTPValidationError", "ValidationError"):
        schemas.pop(assumed, None)
    schemas["Problem"] = contract.PROBLEM
    for schema in schemas.values():
        _drop_titles(schema)
    for operation in operations(document):
        _complete_operation(operation, schemas)
    document["components"].update(
        securitySchemes=contract.SECURITY_SCHEMES,
        headers=contract.HEADERS,
        parameters={"RequestId": contract.REQUEST_ID},
    )
    return document


def operations(document: Json) -> Iterator[Json]:
    """Every operation of a document."""
    for path in document["paths"].values():
        for method, operation in path.items():
            if method in _METHODS:
                yield operation


def _complete_operation(operation: Json, schemas: Json) -> None:
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        _drop_titles(parameter)
    parameters.append({"$ref": "#/components/parameters/RequestId"})
    responses = operation["responses"]
    if responses.get("422", {}).get("description") == "Validation Error":  # FastAPI's own, never returned
        del responses["422"]
    for response in responses.values():
        if response["description"] == "Successful Response":
            response["description"] = _meaning(response, schemas)
        request_id = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
        response["headers"] = {**response.get("headers", {}), **request_id}


def _meaning(response: Json, schemas: Json) -> str:
    """The docstring of the body's model."""
    for media in response.get("content", {}).values():
        name = media["schema"].get("$ref", "").rpartition("/")[2]
        if name in schemas:
            return str(schemas[name]["description"])
    return "Success."


def _drop_titles(schema: Json) -> None:
    """Remove Pydantic's titles, which repeat the names."""
    schema.pop("title", None)
    for part in (schema.get("schema"), schema.get("items"), *schema.get("properties", {}).values()):
        if isinstance(part, dict):
            _drop_titles(part)
