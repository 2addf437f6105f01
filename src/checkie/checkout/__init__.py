"""Checkout: sessions, quotes and paying.

Owns schema `checkout`. Publishes what `events` lists. Invariants: a session is completed if and only if its payment
succeeded; however often `pay` is called, one attempt is live; a quote changes only at the buyer's request.
"""

from checkie.checkout import follow
from checkie.checkout.change import Changes, change
from checkie.checkout.expire import expire_row
from checkie.checkout.find import find_page
from checkie.checkout.model import NoSuchSession, Session, SessionStatus
from checkie.checkout.open import open_session
from checkie.checkout.pay import pay, pay_hosted
from checkie.checkout.queries import check, completed, pages_of
from checkie.checkout.quote import Quote
from checkie.checkout.sql import find_due, get_session
from checkie.checkout.status import Status, read_status

__all__ = [
    "Changes",
    "NoSuchSession",
    "Quote",
    "Session",
    "SessionStatus",
    "Status",
    "change",
    "check",
    "completed",
    "expire_row",
    "find_due",
    "find_page",
    "follow",
    "get_session",
    "open_session",
    "pages_of",
    "pay",
    "pay_hosted",
    "read_status",
]
