"""Refusals: what the rules forbid. Docstring: the message. Code: a contract. Kind: it knows its HTTP status."""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """The caller asked for something the rules forbid. Expected, documented, never pages anyone."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str | None = None, *, param: str | None = None, **facts: Any) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or self.code).split())
        self.param = param
        self.facts = facts
        super().__init__(self.detail)


class Invalid(Refusal):
    """The request does not hold to a rule; `param` names the field."""

    code, status, title = "invalid", 422, "Invalid request"


class Unauthorized(Refusal):
    """The request does not prove who sends it."""

    code, status, title = "unauthorized", 401, "Unauthorized"


class Forbidden(Refusal):
    """The sender is known and may not do this."""

    code, status, title = "forbidden", 403, "Forbidden"


class NotFound(Refusal):
    """There is no such thing, or it is not the sender's."""

    code, status, title = "not_found", 404, "Not found"


class Conflict(Refusal):
    """The thing is in a state that forbids this, or somebody else was quicker."""

    code, status, title = "conflict", 409, "Conflict"
