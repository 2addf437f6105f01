"""Refusals: what the rules forbid. The docstring is the message, the code a contract, the kind its HTTP status.

A use case declares how it may refuse with `@refuses(...)`: routes, the OpenAPI document and the docs read it there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

UseCase = TypeVar("UseCase", bound=Callable[..., object])


class Refusal(Exception):
    """The caller asked for something that the rules forbid. Expected and documented; it raises no alert."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str | None = None, *, param: str | None = None, **facts: Any) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or self.code).split())
        self.param = param
        self.facts = facts
        super().__init__(self.detail)

    @staticmethod
    def declared_by(*declared: Declared) -> tuple[type[Refusal], ...]:
        """How these use cases may refuse, each refusal once. LookupError for one that declares nothing."""
        found: dict[type[Refusal], None] = {}
        for one in declared:
            if isinstance(one, type) and issubclass(one, Refusal):
                found[one] = None
            elif one in _DECLARED:
                found.update(dict.fromkeys(_DECLARED[one]))
            else:
                raise LookupError(f"{one.__module__}.{one.__qualname__} does not declare how it refuses")
        return tuple(found)


class Invalid(Refusal):
    """The request violates a rule. `param` names the field."""

    code, status, title = "invalid", 422, "Invalid request"


class Unauthorized(Refusal):
    """The request is not authenticated."""

    code, status, title = "unauthorized", 401, "Unauthorized"


class Forbidden(Refusal):
    """The caller is not allowed to do this."""

    code, status, title = "forbidden", 403, "Forbidden"


class NotFound(Refusal):
    """The resource does not exist, or belongs to another caller."""

    code, status, title = "not_found", 404, "Not found"


class Conflict(Refusal):
    """The status of the resource does not allow this."""

    code, status, title = "conflict", 409, "Conflict"


Declared: TypeAlias = type[Refusal] | Callable[..., object]
"""A refusal, or a use case, for the refusals that it declares."""
_DECLARED: Final[dict[Callable[..., object], tuple[type[Refusal], ...]]] = {}


def refuses(*declared: Declared) -> Callable[[UseCase], UseCase]:
    """Declare how a use case may refuse. For a use case among `declared`, which it calls: all that one declares."""
    found = Refusal.declared_by(*declared)

    def declare(use_case: UseCase) -> UseCase:
        _DECLARED[use_case] = found
        return use_case

    return declare
