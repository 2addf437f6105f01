"""Requests, replies and what can be wrong with a request: the words that all calls share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard
from urllib.parse import parse_qsl

from checkie.providers.simulator.bank import NO_TROUBLE, Trouble
from checkie.providers.simulator.problem import Problem, invalid

LARGEST_BODY: Final = 64 * 1024
NO_STORE: Final = ("cache-control", "no-store")


@dataclass(slots=True)
class Request:
    """One HTTP request; its body comes after its head. `intent_id` is the id in its path, if there is one."""

    method: str
    path: str
    query_string: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    intent_id: str

    def header(self, name: bytes) -> str:
        """The value of the header of that lower-case name, or nothing."""
        for each, value in self.headers:
            if each == name:
                return value.decode("latin-1")
        return ""

    def query(self) -> dict[str, str]:
        """The parameters of the query; of two with one name, the last."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))

    def form(self) -> dict[str, str]:
        """The fields of a urlencoded form; of two with one name, the last."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The body's JSON object. Refuses any other body."""
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

    def wants_html(self) -> bool:
        """Whether it comes from a browser that shows a page, rather than from a script."""
        return self.header(b"accept").startswith("text/html")


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, and what befalls it."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = (NO_STORE,)
    trouble: Trouble = NO_TROUBLE


def json_reply(what: Mapping[str, Any], *, status: int = 200, trouble: Trouble = NO_TROUBLE) -> Reply:
    """An answer in JSON, not to be stored."""
    return Reply(status, json.dumps(what).encode(), trouble=trouble)


def see_other(url: str, *, trouble: Trouble = NO_TROUBLE) -> Reply:
    """Go there next, by GET."""
    return Reply(303, b"", "text/plain", (NO_STORE, ("location", url), ("referrer-policy", "no-referrer")), trouble)


def error_reply(problem: Problem) -> Reply:
    """A problem in JSON."""
    error = {"code": problem.code, "message": problem.message, "param": problem.param}
    return json_reply({"error": error}, status=problem.status)


def text(body: Mapping[str, Any], name: str, *, longest: int, param: str = "") -> str:
    """The text of that name in a body. Refuses when it is missing, no text, or too long."""
    found = body.get(name)
    if not is_text(found) or not 1 <= len(found) <= longest:
        raise invalid(f"{param or name} is a text of 1 to {longest} characters", param=param or name)
    return found


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text that can be written down: JSON can spell halves of characters, which cannot."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value))


def whole(body: Mapping[str, Any], name: str, *, low: int, high: int) -> int:
    """The whole number of that name in a body. Refuses when it is missing, no such number, or out of bounds."""
    found = body.get(name)
    if type(found) is not int or not low <= found <= high:
        raise invalid(f"{name} is a whole number from {low} to {high}", param=name)
    return found


def _not_json() -> Problem:
    return Problem(400, "not_json", "The body is not a JSON object.")
