"""What the OpenAPI document says about what routes share: refusals by code, headers, lists, authentication.

Routes pass parts of it as `refuses` and `openapi_extra`; `app` adds what every route has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from checkie.kernel import Id, Paging, Refusal
from checkie.web.body import BodyTooLarge
from checkie.web.idempotency import KEY_SHAPE, BadKey, KeyReused, StillRunning
from checkie.web.problems import MEDIA_TYPE, ContentTypeUnsupported, InvalidRequest, MalformedJson, Problem

Declared: TypeAlias = type[Refusal] | Callable[..., object]
"""A refusal, or a use case, for the refusals that it declares."""
PROBLEM: Final = Problem.model_json_schema()
SECURITY_SCHEMES: Final = {
    "client_secret": {
        "type": "http",
        "scheme": "bearer",
        "description": "The `client_secret` of a session. It is returned once, when the session is opened, and grants "
        "access to that session only.",
    }
}

JSON_BODY: Final = (MalformedJson, BodyTooLarge, ContentTypeUnsupported, InvalidRequest)
"""How any route with a JSON body may refuse it."""
RAW_BODY: Final = (BodyTooLarge,)
"""How any route that reads the raw body may refuse it."""
KEYED: Final = (BadKey, KeyReused, StillRunning)
"""How any route that accepts an Idempotency-Key may refuse it."""

_MEANINGS: Final = {
    400: "The request cannot be read.",
    401: "The request is not authenticated.",
    403: "The caller is not allowed to do this.",
    404: "The resource does not exist.",
    409: "The state of the resource does not allow this.",
    412: "The resource has changed since it was read.",
    413: "The body is too large.",
    415: "The body has an unsupported content type.",
    422: "A field is invalid.",
}
HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {
        "description": "Identifies this request in our logs and in problems.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{8,64}$"},
        "example": "req_5f0c1de7b8a94c21a3b0e6d7",
    },
    "WWW-Authenticate": {
        "description": "The authentication scheme to use.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Idempotent-Replayed": {
        "description": "Present when this is the kept answer to an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the request is retried.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
"""Headers of answers. Every answer has the first."""
REQUEST_ID: Final[dict[str, Any]] = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "An id for this request: 8 to 64 letters, digits, `_`, `.` or `-`. Any other value is ignored and "
    "replaced by a generated one.",
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A unique value for this operation: 1 to 255 visible ASCII characters, bare or as a quoted string; "
    "a UUID is recommended. A repeated request with the same key and body returns the same answer for at least 24 "
    "hours, and resumes an operation that was interrupted; with another body it is refused. Keys of different sessions "
    "and operations are independent of each other.",
    "schema": {"type": "string", "pattern": f"^({KEY_SHAPE.pattern})$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
_IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "description": "The version that the change applies to, or `*` for any.",
    "schema": {"type": "string", "pattern": r'^(\*|"?[0-9]{1,9}"?)$'},
    "example": '"1"',
}
_UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
TAKES_KEY: Final[dict[str, Any]] = {"parameters": [_IDEMPOTENCY_KEY]}
"""The route accepts an Idempotency-Key."""
TAKES_VERSION: Final[dict[str, Any]] = {"parameters": [_IF_MATCH]}
"""The route changes a resource only if it still has the given version."""
TAKES_KEY_AND_VERSION: Final[dict[str, Any]] = {"parameters": [_IDEMPOTENCY_KEY, _IF_MATCH]}
TAKES_UTM: Final[dict[str, Any]] = {
    "parameters": [
        {"name": name, "in": "query", "description": "Stored with the session.", "schema": {"type": "string"}}
        for name in _UTM
    ]
}
"""The route stores where the visitor comes from."""
REPLAYED: Final[dict[str, Any]] = {
    "headers": {"Idempotent-Replayed": {"$ref": "#/components/headers/Idempotent-Replayed"}}
}
"""The answer may be a kept one."""


def takes_paging(kind: type[Id]) -> dict[str, Any]:
    """The route returns a page of a list, whose rows have ids of `kind`."""
    limit = {"type": "integer", "minimum": 1, "maximum": Paging.LARGEST_LIMIT, "default": Paging().limit}
    cursor = {"type": "string", "pattern": id_shape(kind)}
    known = (
        ("limit", "The maximum number of rows.", limit),
        ("starting_after", "The id of a row: returns the rows after it. Excludes `ending_before`.", cursor),
        ("ending_before", "The id of a row: returns the rows directly before it.", cursor),
    )
    return {
        "parameters": [{"name": name, "in": "query", "description": about, "schema": s} for name, about, s in known]
    }


def id_shape(kind: type[Id]) -> str:
    """The pattern of ids of `kind`."""
    return f"^{kind.prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"


def problems_of(*declared: Declared) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses for these refusals, and for those that these use cases declare: one for each status."""
    refusals = Refusal.declared_by(*declared)
    by_status: dict[int | str, list[type[Refusal]]] = {}
    for refusal in sorted(refusals, key=lambda refusal: (refusal.status, refusal.code)):
        by_status.setdefault(refusal.status, []).append(refusal)
    return {status: _response(found) for status, found in by_status.items()}


def _response(refusals: list[type[Refusal]]) -> dict[str, Any]:
    status = refusals[0].status
    codes = {"properties": {"code": {"enum": [refusal.code for refusal in refusals]}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, codes]}
    meanings = "".join(f"\n* `{refusal.code}`: {' '.join((refusal.__doc__ or '').split())}" for refusal in refusals)
    response = {"description": f"{_MEANINGS[status]}\n{meanings}", "content": {MEDIA_TYPE: {"schema": schema}}}
    headers = list(_headers(refusals))
    return {**response, "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers}}


def _headers(refusals: list[type[Refusal]]) -> Iterable[str]:
    if refusals[0].status == 401:
        yield "WWW-Authenticate"
    if any(hasattr(refusal, "retry_after_s") for refusal in refusals):
        yield "Retry-After"
