"""Refusals as RFC 9457 problem+json: no stack, no 500 for bad input."""

from __future__ import annotations

from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from checkie.kernel import Refusal

_log = structlog.get_logger()
MEDIA_TYPE: Final = "application/problem+json"
_TITLES: Final = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    413: "Body too large",
    500: "Our fault",
}


class Problem(BaseModel):
    """Why a request was refused. `code` is stable; `detail` is for people; `param` names the field, if one is at fault."""

    type: str = Field(examples=["urn:checkie:problem:session_not_found"])
    title: str
    status: int
    code: str
    detail: str
    param: str | None = None
    request_id: str | None = None


_MEANINGS: Final = {
    400: "The request cannot be read",
    401: "The request does not prove who sends it",
    404: "There is no such thing",
    409: "The state of the thing forbids it",
    412: "The thing has changed since it was read",
    413: "The body is too large",
    422: "A field breaks a rule",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses for refusals with these statuses."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: schema}} for status in statuses}


def problem(request: Request, status: int, code: str, detail: str, param: str | None = None) -> JSONResponse:
    """The answer to a refused request."""
    request_id = request.scope.get("request_id")
    body = {
        "type": f"urn:checkie:problem:{code}",
        "title": _TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
        "param": param,
        "request_id": request_id,
    }
    return JSONResponse({key: value for key, value in body.items() if value is not None}, status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every kind of failure of `app` as a problem."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Refusal):
        raise error
    answer = problem(request, error.status, error.code, error.detail, error.param)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return problem(request, 400, "malformed_json", "The body is not valid JSON.")
    where = [str(part) for part in first["loc"] if part not in ("body", "path", "query", "header")]
    param = ".".join(where) or None
    return problem(request, 422, "invalid_request", f"{first['msg']}.", param)


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error.__cause__, Refusal):  # FastAPI wraps what reading the body raised
        return await _refused(request, error.__cause__)
    code = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}.get(error.status_code, "refused")
    answer = problem(request, error.status_code, code, f"{error.detail}.")
    answer.headers.update(error.headers or {})
    return answer


async def _failed(request: Request, error: Exception) -> JSONResponse:
    _log.error("request_failed", path=request.url.path, exc_info=error)
    return problem(
        request, 500, "internal_error", "Something went wrong on our side. Nothing is known to be lost; try again."
    )
