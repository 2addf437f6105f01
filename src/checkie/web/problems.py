"""Refusals as RFC 9457 problem+json: never a stack trace, never a 500 for bad input."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match

from checkie.kernel import Invalid, NotFound, Refusal
from checkie.web.idempotency import Replay

MEDIA_TYPE: Final = "application/problem+json"
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_MAX_PARAM: Final = 200


class MalformedJson(Refusal):
    """The body is not valid JSON."""

    code, status, title = "malformed_json", 400, "Bad request"


class MethodNotAllowed(Refusal):
    """This address does not support this method. The header `Allow` lists the methods that it supports."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"


class ContentTypeUnsupported(Refusal):
    """The body must be JSON, with `Content-Type: application/json`."""

    code, status, title = "content_type_unsupported", 415, "Unsupported media type"


class InvalidRequest(Invalid):
    """A field is missing, unknown or of the wrong type; `param` names it."""

    code = "invalid_request"


class InternalError(Refusal):
    """Internal error. The request may be retried."""

    code, status, title = "internal_error", 500, "Internal error"


class Problem(BaseModel):
    """Why a request was refused. `code` is stable, `detail` is for people; `param` names the invalid field, if any."""

    type: str = Field(examples=["urn:checkie:problem:session_over"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409], ge=400, le=599)
    code: str = Field(examples=["session_over"])
    detail: str = Field(examples=["The session has expired. Open a new one."])
    param: str | None = Field(default=None, examples=["email"])
    request_id: str | None = Field(default=None, examples=["req_5f0c1de7b8a94c21a3b0e6d7"])


def problem(request: Request, refusal: Refusal) -> JSONResponse:
    """The answer to a refused request."""
    body = {
        "type": f"urn:checkie:problem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "param": refusal.param,
        "request_id": request.scope.get("request_id"),
    }
    present = {key: value for key, value in body.items() if value is not None}
    return JSONResponse(present, refusal.status, _headers(refusal), MEDIA_TYPE)


def _headers(refusal: Refusal) -> dict[str, str]:
    wait_s = getattr(refusal, "retry_after_s", None)
    challenge = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return challenge if wait_s is None else {**challenge, "Retry-After": str(wait_s)}


def install(app: FastAPI) -> None:
    """Answer every kind of failure of `app` as a problem, and a repeated request as before."""
    app.add_exception_handler(Replay, _replayed)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)


async def _replayed(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Replay):
        raise error
    return error.response


async def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Refusal):
        raise error
    return problem(request, error)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return problem(request, MalformedJson())
    if isinstance(error.body, bytes):  # FastAPI does not parse a body that is not declared as JSON
        return problem(request, ContentTypeUnsupported())
    where = [str(part) for part in first["loc"] if part not in ("body", "path", "query", "header")]
    param = ".".join(where)[:_MAX_PARAM] or None
    return problem(request, InvalidRequest(f"{first['msg']}.", param=param))


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error.__cause__, Refusal):  # FastAPI wraps what reading the body raised
        return await _refused(request, error.__cause__)
    if error.status_code == 404:
        return problem(request, NotFound("No resource has this address."))
    if error.status_code == 405:
        answer = problem(request, MethodNotAllowed())
        answer.headers["Allow"] = ", ".join(_allowed(request))
        return answer
    return problem(request, MalformedJson())  # FastAPI raises no other: a body that is no UTF-8, too deep, cut off


def _allowed(request: Request) -> list[str]:
    """The methods that the address supports. Starlette lists only those of the first route that has the path."""
    routes = request.app.routes
    return [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
