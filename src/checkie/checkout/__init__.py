"""Checkout: sessions, quotes and paying. Owns schema `checkout`; publishes its `events`.

Invariants: a session is completed if and only if its payment succeeded; however often `pay` is called, one attempt is
live; a quote changes only at the buyer's request; an id alone opens nothing.
"""

from checkie.checkout.change import Changes, change
from checkie.checkout.find import PageCache, find_page
from checkie.checkout.get_session import get_session
from checkie.checkout.jobs import jobs
from checkie.checkout.model import NoSuchSession, Session, SessionStatus
from checkie.checkout.open import open_session
from checkie.checkout.pay import pay, pay_hosted
from checkie.checkout.quote import Quote
from checkie.checkout.status import Status, read_status

__all__ = [
    "Changes",
    "NoSuchSession",
    "PageCache",
    "Quote",
    "Session",
    "SessionStatus",
    "Status",
    "change",
    "find_page",
    "get_session",
    "jobs",
    "open_session",
    "pay",
    "pay_hosted",
    "read_status",
]
