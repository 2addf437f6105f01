"""Orders: what was bought, from the moment a session starts paying.

Owns schema `orders`. Publishes `order.created`, `.completed`, `.failed`, `.cancelled`, `.refunded`.
Invariants: one order a session; an order is completed if and only if its payment succeeded.
"""

from checkie.orders.advance import Move, advance
from checkie.orders.model import OrderStatus
from checkie.orders.place import Placed, place, requote
from checkie.orders.queries import Order, list_by_ids, paid

__all__ = ["Move", "Order", "OrderStatus", "Placed", "advance", "list_by_ids", "paid", "place", "requote"]
