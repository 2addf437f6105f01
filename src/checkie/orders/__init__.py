"""Orders: what was bought, from the moment a buyer starts to pay.

Owns schema `orders`. Publishes `order.created`, `.completed`, `.failed`, `.cancelled`, `.refunded`.
Invariants: one order a session; an order's status agrees with its payment's, whatever the order of events.
"""

from checkie.orders.advance import advance
from checkie.orders.model import OrderStatus, OrderVerb
from checkie.orders.place import place, requote
from checkie.orders.placed import Placed

__all__ = [
    "OrderStatus",
    "OrderVerb",
    "Placed",
    "advance",
    "place",
    "requote",
]
