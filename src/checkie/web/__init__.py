"""What every HTTP surface shares: the runtime, problems, request ids, size limits, idempotency keys, cursors.

Owns schema `web`. Publishes nothing. Invariants: every refusal is answered as problem+json with its code; every answer
has `X-Request-Id`; a request with an Idempotency-Key takes effect once and is answered the same again.
"""

from checkie.web import contract
from checkie.web.body import BodyTooLarge, read_body
from checkie.web.idempotency import IdempotentRequest, idempotency_key, prune
from checkie.web.middleware import Observed
from checkie.web.paging import ListBody, paging
from checkie.web.problems import Problem, install, problem
from checkie.web.routing import router
from checkie.web.runtime import Runtime, bearer, runtime
from checkie.web.visitor import Visitor, is_machine, visitor

__all__ = [
    "BodyTooLarge",
    "IdempotentRequest",
    "ListBody",
    "Observed",
    "Problem",
    "Runtime",
    "Visitor",
    "bearer",
    "contract",
    "idempotency_key",
    "install",
    "is_machine",
    "paging",
    "problem",
    "prune",
    "read_body",
    "router",
    "runtime",
    "visitor",
]
