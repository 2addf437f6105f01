"""Payments: the intent to collect one amount, and its numbered attempts at providers.

Owns schema `payments`. Publishes what `events` lists. Providers implement `port`; only `app` knows which there are.
Invariants: one live attempt a payment; a payment is paid if and only if one attempt's money was applied to it, booked
in the ledger in that transaction; an attempt that may still succeed has a time at which its provider is asked.
"""

from checkie.payments.apply_outcome import INTEGRITY
from checkie.payments.ask import ask, ask_row
from checkie.payments.authorize import authorize
from checkie.payments.begin import Collect, begin, begin_again
from checkie.payments.cancel import cancel
from checkie.payments.model import Attempt, AttemptStatus, NoAttemptsLeft, Payment, PaymentStatus
from checkie.payments.queries import Details, check, find_latest, latest_of, list_by_attempts, paid
from checkie.payments.receive import receive
from checkie.payments.sql import find_due

__all__ = [
    "INTEGRITY",
    "Attempt",
    "AttemptStatus",
    "Collect",
    "Details",
    "NoAttemptsLeft",
    "Payment",
    "PaymentStatus",
    "ask",
    "ask_row",
    "authorize",
    "begin",
    "begin_again",
    "cancel",
    "check",
    "find_due",
    "find_latest",
    "latest_of",
    "list_by_attempts",
    "paid",
    "receive",
]
