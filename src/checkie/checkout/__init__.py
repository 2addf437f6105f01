"""Checkout: sessions, quotes and paying. Owns schema `checkout`; publishes its `events`.

A session is completed if and only if its payment succeeded; it has one live attempt at most; its quote is frozen.
"""

from checkie.checkout.advance import Move, advance
from checkie.checkout.change import Changes, change
from checkie.checkout.expire import expire_row
from checkie.checkout.find import PageCache, find_page
from checkie.checkout.get_session import get_session
from checkie.checkout.model import NoSuchSession, Session, SessionStatus
from checkie.checkout.open import open_session
from checkie.checkout.pay import pay, pay_hosted
from checkie.checkout.queries import check, completed
from checkie.checkout.quote import Quote
from checkie.checkout.sql import find_due
from checkie.checkout.status import Status, read_status

__all__ = [
    "Changes",
    "Move",
    "NoSuchSession",
    "PageCache",
    "Quote",
    "Session",
    "SessionStatus",
    "Status",
    "advance",
    "change",
    "check",
    "completed",
    "expire_row",
    "find_due",
    "find_page",
    "get_session",
    "open_session",
    "pay",
    "pay_hosted",
    "read_status",
]
