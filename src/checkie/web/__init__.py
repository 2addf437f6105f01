"""What every HTTP surface shares: callers, services, routes, problems, idempotency keys, lists.

Owns schema `web`. Publishes nothing. Invariants: every route declares which callers it accepts; every refusal is
answered as problem+json with its code; every answer has `X-Request-Id`; a request with an Idempotency-Key takes effect
once and is answered the same again. `caller` (who may call), `contract` (for the OpenAPI document) and `paging` (lists)
are doors of their own.
"""

from checkie.web import caller, contract, paging
from checkie.web.body import read_body
from checkie.web.caller import Buyer, BuyerDep
from checkie.web.idempotency import IdempotentRequest, idempotent
from checkie.web.jobs import jobs
from checkie.web.parts import Services, ServicesDep, services
from checkie.web.routing import Router, mount
from checkie.web.visitor import Visitor

__all__ = [
    "Buyer",
    "BuyerDep",
    "IdempotentRequest",
    "Router",
    "Services",
    "ServicesDep",
    "Visitor",
    "caller",
    "contract",
    "idempotent",
    "jobs",
    "mount",
    "paging",
    "read_body",
    "services",
]
