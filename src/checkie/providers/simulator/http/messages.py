"""Requests, responses, and the validation that all calls share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard
from urllib.parse import parse_qsl

from checkie.providers.simulator.bank.bank import NO_FAULT, ResponseFault
from checkie.providers.simulator.bank.errors import SimulatorError, invalid

MAX_BODY: Final = 64 * 1024
NO_STORE: Final = ("cache-control", "no-store")


@dataclass(slots=True)
class Request:
    """One HTTP request. Its body is read after its head. `intent_id` is the id in its path, if there is one."""

    method: str
    path: str
    query_string: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    intent_id: str

    def header(self, name: bytes) -> str:
        """The value of the header with that lower-case name, or an empty string."""
        for each, value in self.headers:
            if each == name:
                return value.decode("latin-1")
        return ""

    def query(self) -> dict[str, str]:
        """The query parameters; of two with one name, the last."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))

    def form(self) -> dict[str, str]:
        """The fields of a urlencoded form; of two with one name, the last."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The JSON object in the body. Refuses any other body."""
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            raise _not_json() from None
        if not isinstance(body, dict):
            raise _not_json()
        return body

    def is_form(self) -> bool:
        """Whether the body is a form as browsers send it."""
        return self.header(b"content-type").startswith("application/x-www-form-urlencoded")

    def accepts_html(self) -> bool:
        """Whether the response will be shown as a page, and not read by a script."""
        return self.header(b"accept").startswith("text/html")


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, and the fault that applies to it."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = (NO_STORE,)
    fault: ResponseFault = NO_FAULT


def json_response(body: Mapping[str, Any], *, status: int = 200, fault: ResponseFault = NO_FAULT) -> Response:
    """A response in JSON that is not to be stored."""
    return Response(status, json.dumps(body).encode(), fault=fault)


def redirect(url: str, *, fault: ResponseFault = NO_FAULT) -> Response:
    """Redirect to `url`, by GET."""
    return Response(303, b"", "text/plain", (NO_STORE, ("location", url), ("referrer-policy", "no-referrer")), fault)


def error_response(error: SimulatorError) -> Response:
    """An error in JSON."""
    body = {"code": error.code, "message": error.message, "param": error.param}
    return json_response({"error": body}, status=error.status)


def text(body: Mapping[str, Any], name: str, *, max_length: int, param: str = "") -> str:
    """The string of that name in a body. Refuses one that is missing, not a string, empty or too long."""
    found = body.get(name)
    if not is_text(found) or not 1 <= len(found) <= max_length:
        raise invalid(f"{param or name} must be a string of 1 to {max_length} characters.", param=param or name)
    return found


def is_text(value: object) -> TypeGuard[str]:
    """Whether the value is a string that can be stored. JSON can express unpaired surrogates, which cannot."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def integer(body: Mapping[str, Any], name: str, *, min_value: int, max_value: int) -> int:
    """The integer of that name in a body. Refuses one that is missing, not an integer, or out of bounds."""
    found = body.get(name)
    if type(found) is not int or not min_value <= found <= max_value:
        raise invalid(f"{name} must be an integer from {min_value} to {max_value}.", param=name)
    return found


def _not_json() -> SimulatorError:
    return SimulatorError(400, "not_json", "The body must be a JSON object.")
