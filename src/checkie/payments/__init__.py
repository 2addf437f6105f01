"""Payments: the intent to collect one amount for one order, and its numbered attempts at providers.

Owns schema `payments`: payments, attempts, refunds and disputes. Publishes what `events` lists. Providers implement
`port`; only `app` knows which there are. This folder takes money; `reconciling` checks with providers; `reversals`
records refunds and disputes.
Invariants: one live payment an order and one live attempt a payment; a payment is paid if and only if the money of one
attempt was applied to it, booked in the ledger in that transaction; an attempt that may still succeed has a time for
its next check with the provider; the booked refunds of an attempt add up to its refunded total.
"""

from checkie.payments.authorize import authorize
from checkie.payments.begin import Collect, begin, retry
from checkie.payments.cancel import cancel
from checkie.payments.jobs import jobs
from checkie.payments.model import CONSTRAINTS, Attempt, AttemptStatus, NoAttemptsLeft, Payment, PaymentStatus
from checkie.payments.sql import find_latest, latest_of

__all__ = [
    "CONSTRAINTS",
    "Attempt",
    "AttemptStatus",
    "Collect",
    "NoAttemptsLeft",
    "Payment",
    "PaymentStatus",
    "authorize",
    "begin",
    "cancel",
    "find_latest",
    "jobs",
    "latest_of",
    "retry",
]
