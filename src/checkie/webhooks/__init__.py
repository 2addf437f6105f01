"""Merchants' webhooks: public events are posted, signed, to a store's endpoints, and retried until they are received.

Owns schema `webhooks`; publishes nothing. `enqueue_all` writes rendered events and their deliveries in the caller's
transaction; `deliver_due` posts what is due: a plain read, a claim, the post, a record. `Poster` connects only to
addresses that `Guard` accepts.
Invariants: an event goes to an endpoint at least once and always with the same id; the bytes sent are the bytes stored;
a delivery ends DELIVERED by a 2xx or FAILED after its last try, and a crash leaves it due; a secret is shown when it is
created and never again.
"""

from checkie.webhooks.create import create_endpoint
from checkie.webhooks.enqueue import enqueue_all, read_subscriptions
from checkie.webhooks.guard import Guard
from checkie.webhooks.jobs import jobs
from checkie.webhooks.model import Endpoint, Item
from checkie.webhooks.post import Poster
from checkie.webhooks.queries import Delivery, find_endpoint, list_deliveries, list_endpoints
from checkie.webhooks.rotate import rotate_secret

__all__ = [
    "Delivery",
    "Endpoint",
    "Guard",
    "Item",
    "Poster",
    "create_endpoint",
    "enqueue_all",
    "find_endpoint",
    "jobs",
    "list_deliveries",
    "list_endpoints",
    "read_subscriptions",
    "rotate_secret",
]
