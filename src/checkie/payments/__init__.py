"""Payments: the intent to collect one amount, and its numbered attempts at providers.

Owns schema `payments`. Publishes `payment.created`, `.retried`, `.requires_action`, `.processing`, `.completed`, `.failed`,
`.cancelled`, `.refunded`, `.unapplied`. Providers implement `payments.port`; only `app` knows which there are.
Invariants: one live attempt a payment; a payment is paid if and only if one attempt's money was applied to it, and that is
booked in the ledger in the same transaction; an attempt that may still succeed has a time at which its provider is asked.
"""

from checkie.payments.absorb import INTEGRITY, absorb
from checkie.payments.ask import ask, ask_row
from checkie.payments.authorize import authorize, record
from checkie.payments.begin import Collect, begin, begin_again
from checkie.payments.cancel import cancel
from checkie.payments.model import Attempt, AttemptStatus, OrderId, Payment, PaymentStatus, SessionId
from checkie.payments.queries import check, latest_of, paid
from checkie.payments.receive import receive
from checkie.payments.store import find_due

__all__ = [
    "INTEGRITY",
    "Attempt",
    "AttemptStatus",
    "Collect",
    "OrderId",
    "Payment",
    "PaymentStatus",
    "SessionId",
    "absorb",
    "ask",
    "ask_row",
    "authorize",
    "begin",
    "begin_again",
    "cancel",
    "check",
    "find_due",
    "latest_of",
    "paid",
    "receive",
    "record",
]
