"""Refusals: what the rules forbid. The docstring is the message, the code a contract, the kind its HTTP status."""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """The caller asked for something that the rules forbid. Expected and documented; it pages nobody."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str | None = None, *, param: str | None = None, **facts: Any) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or self.code).split())
        self.param = param
        self.facts = facts
        super().__init__(self.detail)


class Invalid(Refusal):
    """The request violates a rule. `param` names the field."""

    code, status, title = "invalid", 422, "Invalid request"


class Unauthorized(Refusal):
    """The request is not authenticated."""

    code, status, title = "unauthorized", 401, "Unauthorized"


class Forbidden(Refusal):
    """The caller is not permitted to do this."""

    code, status, title = "forbidden", 403, "Forbidden"


class NotFound(Refusal):
    """There is no such resource, or it is not the caller's."""

    code, status, title = "not_found", 404, "Not found"


class Conflict(Refusal):
    """The resource's status does not allow this, or a concurrent request changed it."""

    code, status, title = "conflict", 409, "Conflict"
