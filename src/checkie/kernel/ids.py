"""Every kind of id. Each is spelled with its prefix, belongs to a store, and is a type of its own."""

from __future__ import annotations

from checkie.kernel.id import Id


class StoreId(Id):
    """A store."""

    __slots__ = ()
    prefix = "sto"


class PageId(Id):
    """A page."""

    __slots__ = ()
    prefix = "pag"


class CustomerId(Id):
    """A customer."""

    __slots__ = ()
    prefix = "cus"


class SessionId(Id):
    """A session."""

    __slots__ = ()
    prefix = "ses"


class OrderId(Id):
    """An order."""

    __slots__ = ()
    prefix = "ord"


class PaymentId(Id):
    """A payment."""

    __slots__ = ()
    prefix = "pay"


class AttemptId(Id):
    """One attempt of a payment at one provider."""

    __slots__ = ()
    prefix = "att"


class RefundId(Id):
    """A refund."""

    __slots__ = ()
    prefix = "ref"


class DisputeId(Id):
    """A dispute."""

    __slots__ = ()
    prefix = "dis"


class AccountId(Id):
    """An account of the ledger."""

    __slots__ = ()
    prefix = "acc"


class TransferId(Id):
    """A transfer in the ledger."""

    __slots__ = ()
    prefix = "txn"


class EventId(Id):
    """An event. It is the same on every delivery of the event."""

    __slots__ = ()
    prefix = "evt"


class EndpointId(Id):
    """A webhook endpoint."""

    __slots__ = ()
    prefix = "whe"


class DeliveryId(Id):
    """A delivery of one event to one webhook endpoint."""

    __slots__ = ()
    prefix = "whd"
