"""What the OpenAPI document says of what all routes share: refusals by code, headers, lists, who may call.

Routes take it into their `responses` and `openapi_extra`. `app` adds what every route has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from checkie.kernel import CursorUnknown, Id, Paging, Refusal
from checkie.web.body import BodyTooLarge
from checkie.web.idempotency import KEY_SHAPE, BadKey, KeyReused, StillRunning
from checkie.web.paging import LimitOutOfRange, TwoCursors
from checkie.web.problems import MEDIA_TYPE, ContentTypeUnsupported, InvalidRequest, MalformedJson

SECURITY_SCHEMES: Final = {
    "client_secret": {
        "type": "http",
        "scheme": "bearer",
        "description": "The `client_secret` of a session. It is told once, when the session is opened, and opens that "
        "session alone.",
    }
}
SECRET_NEEDED: Final[dict[str, Any]] = {"security": [{"client_secret": []}]}
"""The caller must prove to hold the session's client secret."""

JSON_BODY: Final = (MalformedJson, BodyTooLarge, ContentTypeUnsupported, InvalidRequest)
"""How any route that reads a JSON body may refuse it."""
KEYED: Final = (BadKey, KeyReused, StillRunning)
"""How any route that takes an Idempotency-Key may refuse it."""
PAGED: Final = (LimitOutOfRange, TwoCursors, CursorUnknown)
"""How any route that answers a list may refuse which part of it is asked for."""

_MEANINGS: Final = {
    400: "The request cannot be read.",
    401: "The request does not prove who sends it.",
    404: "There is no such thing.",
    409: "The state of the thing forbids it.",
    412: "The thing has changed since it was read.",
    413: "The body is too large.",
    415: "The body is of another kind than is taken here.",
    422: "A field breaks a rule.",
}
HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {
        "description": "Names this request in our logs and in problems.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{8,64}$"},
        "example": "req_5f0c1de7b8a94c21a3b0e6d7",
    },
    "WWW-Authenticate": {
        "description": "How to prove who you are.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Idempotent-Replayed": {
        "description": "Present when this answer was given before, to the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Retry-After": {
        "description": "Seconds to wait before asking again; present with `idempotency_key_in_use`.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
"""Headers of answers. Every answer has the first."""
REQUEST_ID: Final[dict[str, Any]] = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "A name for this request: 8 to 64 letters, digits, `_`, `.` or `-`. Anything else is ignored, and a "
    "name is made up.",
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names what is to happen once: 1 to 255 visible ASCII characters, bare or as a quoted string; best "
    "a UUID. A repeated call with the same key and body is answered the same for at least 24 hours, and resumes what a "
    "crash cut short; with another body it is refused.",
    "schema": {"type": "string", "pattern": f"^({KEY_SHAPE.pattern})$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
_IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "description": "The version that the change is meant for, or `*` for any.",
    "schema": {"type": "string", "pattern": r'^(\*|"?[0-9]{1,9}"?)$'},
    "example": '"1"',
}
TAKES_VERSION: Final[dict[str, Any]] = {"parameters": [_IF_MATCH]}
"""The route changes only what nobody changed meanwhile."""
_UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
TAKES_UTM: Final[dict[str, Any]] = {
    "parameters": [
        {"name": name, "in": "query", "description": "Kept with the session.", "schema": {"type": "string"}}
        for name in _UTM
    ]
}
"""The route notes where the visitor comes from."""
TAKES_KEY: Final[dict[str, Any]] = {"parameters": [_IDEMPOTENCY_KEY]}
"""The route takes an Idempotency-Key."""
REPLAYED: Final[dict[str, Any]] = {
    "headers": {"Idempotent-Replayed": {"$ref": "#/components/headers/Idempotent-Replayed"}}
}
"""Its answer may be one that was given before."""


def takes_paging(kind: type[Id]) -> dict[str, Any]:
    """The route answers part of a list: which, its query says. `kind` is that of its rows' ids."""
    limit = {"type": "integer", "minimum": 1, "maximum": Paging.LARGEST_LIMIT, "default": Paging().limit}
    cursor = {"type": "string", "pattern": id_shape(kind)}
    told = (
        ("limit", "How many rows at most.", limit),
        ("starting_after", "The id of a row: the part behind it is answered. Not with `ending_before`.", cursor),
        ("ending_before", "The id of a row: the part right in front of it is answered.", cursor),
    )
    return {"parameters": [{"name": name, "in": "query", "description": about, "schema": s} for name, about, s in told]}


def id_shape(kind: type[Id]) -> str:
    """The pattern of ids of `kind`."""
    return f"^{kind.prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"


def problems(*refusals: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of a route that refuses so: one for each status, with its codes and what they mean."""
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
