"""Read what objects are made of: a constant number of statements, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from checkie import catalog, customers
from checkie.checkout import queries as checkout
from checkie.db import Database, UnitOfWork
from checkie.kernel.ids import AttemptId, CustomerId, OrderId, SessionId
from checkie.objects import model
from checkie.orders import queries as orders
from checkie.payments import queries as payments


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read, by id."""

    payments: Mapping[AttemptId, payments.Details]
    orders: Mapping[OrderId, orders.Details]
    customers: Mapping[CustomerId, customers.Customer]
    pages: Mapping[SessionId, catalog.Page]

    def payment(self, attempt: AttemptId) -> model.PaymentObject:
        """The payment of this attempt, with this attempt. KeyError if a part of it was not found."""
        found = self.payments[attempt]
        order = self.orders[found.payment.order]
        session = found.payment.session
        page = self.pages.get(session) if session else None
        return model.payment_object(found, order, self.customers[order.customer], page)

    def customer(self, customer: CustomerId) -> model.CustomerObject:
        """A customer. KeyError if it was not found."""
        return model.customer_object(self.customers[customer])


async def read_sources(
    db: Database | UnitOfWork, store: int, attempts: Collection[AttemptId], customer_ids: Collection[CustomerId]
) -> Sources:
    """Read the payments of these attempts with all they refer to, and these customers: five statements at most."""
    if not attempts:
        return Sources({}, {}, await customers.list_by_ids(db, store, customer_ids), {})
    details = await payments.list_by_attempts(db, store, attempts)
    found = [one.payment for one in details.values()]
    ordered = await orders.list_by_ids(db, store, {payment.order for payment in found})
    buyers = {order.customer for order in ordered.values()}
    page_ids = await checkout.pages_of(db, store, {payment.session for payment in found if payment.session})
    pages = await catalog.list_by_ids(db, store, set(page_ids.values()))
    return Sources(
        details,
        ordered,
        await customers.list_by_ids(db, store, buyers.union(customer_ids)),
        {session: pages[page] for session, page in page_ids.items()},
    )
