"""Merchants' webhooks: a store's endpoints are told of its public events, signed, and told again until they have heard.

Owns schema `webhooks`; publishes nothing. `enqueue` writes an event and its deliveries in the caller's transaction;
`deliver_due` posts what is due: a plain read, a claim, the post, a record. `Poster` calls no address `Guard` refuses.
Invariants: an event goes to an endpoint at least once and under one id, its own; what is sent is, byte for byte, what
was written and signed; a delivery ends DELIVERED by a 2xx, or FAILED after its last try, and a crash leaves it due; a
secret is shown when it is made and never again.
"""

from checkie.webhooks.create import create_endpoint
from checkie.webhooks.deliver import deliver_due
from checkie.webhooks.enqueue import Item, enqueue, enqueue_all
from checkie.webhooks.guard import Guard
from checkie.webhooks.model import Endpoint
from checkie.webhooks.post import Poster
from checkie.webhooks.queries import Delivery, find_endpoint, list_deliveries, list_endpoints
from checkie.webhooks.rotate import rotate_secret
from checkie.webhooks.sign import verify, verify_short

__all__ = [
    "Delivery",
    "Endpoint",
    "Guard",
    "Item",
    "Poster",
    "create_endpoint",
    "deliver_due",
    "enqueue",
    "enqueue_all",
    "find_endpoint",
    "list_deliveries",
    "list_endpoints",
    "rotate_secret",
    "verify",
    "verify_short",
]
