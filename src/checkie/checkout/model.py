"""A session: one buyer's run through a checkout. Its lifecycle and rules. Pure."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from checkie.checkout import events
from checkie.checkout.events import SessionEvent, SessionFields
from checkie.checkout.quote import Quote
from checkie.kernel import Conflict, Invalid, Lifecycle, NotFound
from checkie.kernel.ids import OrderId, PageId, PaymentId, SessionId


class NoSuchSession(NotFound):
    """The session does not exist."""

    code = "session_not_found"


class IllegalSessionTransition(Conflict):
    """The status of the session does not allow this transition."""

    code = "session_illegal_transition"


class SessionOver(Conflict):
    """This checkout session has expired. Open a new one."""

    code = "session_over"


class AlreadyPaid(Conflict):
    """This checkout session has already been paid. It cannot be changed or paid again."""

    code = "session_already_paid"


class PaymentInProgress(Conflict):
    """A payment for this session is in progress and cannot be cancelled now. Wait for its outcome."""

    code = "session_payment_in_progress"


class VersionMismatch(Conflict):
    """The session has changed since it was retrieved. Retrieve it, and repeat the change with its current version."""

    code, status, title = "session_version_mismatch", 412, "Precondition failed"


class EmailMissing(Invalid):
    """An email address is required to pay. Update the session with `email` first."""

    code = "email_missing"


class SessionStatus(StrEnum):
    """The status of a session."""

    OPEN = "OPEN"
    PROCESSING = "PROCESSING"
    AWAITING_ACTION = "AWAITING_ACTION"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"
    ABANDONED = "ABANDONED"


class SessionVerb(StrEnum):
    """What can happen to a session."""

    CHANGE = "change"
    PAY = "pay"
    NEED_ACTION = "need_action"
    ACT = "act"
    SUCCEED = "succeed"
    DECLINE = "decline"
    CANCEL_PAYMENT = "cancel_payment"
    EXHAUST = "exhaust"
    EXPIRE = "expire"
    ABANDON = "abandon"


class Step(StrEnum):
    """The buyer's position in the session. Steps that a session does not need are skipped."""

    GUEST_INFO = "GUEST_INFO"
    PAYMENT_METHOD = "PAYMENT_METHOD"
    PAYMENT_PROCESSING = "PAYMENT_PROCESSING"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    ORDER_CONFIRMATION = "ORDER_CONFIRMATION"


_S, _V = SessionStatus, SessionVerb
PAYING: Final = (_S.PROCESSING, _S.AWAITING_ACTION)
OVER: Final = (_S.EXPIRED, _S.ABANDONED)

SESSION: Final = Lifecycle[SessionStatus, SessionVerb, type[SessionEvent] | None](
    name="session",
    start=_S.OPEN,
    refusal=IllegalSessionTransition,
    transitions={
        # from                       verb             to                     published event
        (_S.OPEN, _V.CHANGE): (_S.OPEN, None),
        (_S.OPEN, _V.PAY): (_S.PROCESSING, None),
        (_S.PROCESSING, _V.NEED_ACTION): (_S.AWAITING_ACTION, None),
        (_S.AWAITING_ACTION, _V.ACT): (_S.PROCESSING, None),
        **{(state, _V.DECLINE): (_S.OPEN, events.SessionReopened) for state in PAYING},
        **{(state, _V.CANCEL_PAYMENT): (_S.OPEN, events.SessionReopened) for state in PAYING},
        **{(state, _V.EXHAUST): (_S.EXPIRED, events.SessionExpired) for state in PAYING},
        # only once no attempt can still succeed
        **{(state, _V.EXPIRE): (_S.EXPIRED, events.SessionExpired) for state in (_S.OPEN, *PAYING)},
        (_S.OPEN, _V.ABANDON): (_S.ABANDONED, events.SessionAbandoned),
        (_S.AWAITING_ACTION, _V.ABANDON): (_S.ABANDONED, events.SessionAbandoned),
        # a success that arrives late is fulfilled, not lost
        **{(state, _V.SUCCEED): (_S.COMPLETED, events.SessionCompleted) for state in (_S.OPEN, *PAYING, *OVER)},
    },
)


@dataclass(frozen=True, slots=True)
class Session:
    """A session. `attempt` is the number of the attempt that it pays with, or paid with last (0: none)."""

    id: SessionId
    page: PageId
    secret_hash: bytes
    status: SessionStatus
    version: int
    email: str | None
    quote: Quote
    provider: str
    fee_bps: int
    payment: PaymentId | None
    order: OrderId | None
    attempt: int
    return_url: str
    seq: int
    abandoned_s: int
    expires_at: datetime

    @property
    def step(self) -> Step:
        """The buyer's position."""
        if self.status is _S.COMPLETED:
            return Step.ORDER_CONFIRMATION
        if self.status in PAYING:
            return Step.PAYMENT_PROCESSING
        if self.status in OVER:
            return Step.PAYMENT_FAILED
        return Step.PAYMENT_METHOD if self.email else Step.GUEST_INFO

    def due_at(self, now: datetime) -> datetime | None:
        """When the worker looks at it if nothing happens: at its expiry, or sooner if a known buyer may have left.

        None once it has ended.
        """
        if self.status in (_S.COMPLETED, *OVER):
            return None
        if self.email is None or self.status is _S.PROCESSING:
            return self.expires_at
        return min(self.expires_at, now + timedelta(seconds=self.abandoned_s))

    def event(self, kind: type[SessionEvent], verb: SessionVerb) -> SessionEvent:
        """The event of `kind` that it publishes when `verb` has happened to it."""
        fields = SessionFields(
            session=self.id, page=self.page, payment=self.payment, order=self.order, email=self.email
        )
        if kind is events.SessionExpired:
            return events.SessionExpired(**fields, reason="ATTEMPTS" if verb is _V.EXHAUST else "TIME")
        return kind(**fields)

    def is_opened_by(self, secret: str) -> bool:
        """Whether this is the session's client secret."""
        return hmac.compare_digest(hash_secret(secret), self.secret_hash)


def check_time(session: Session, now: datetime) -> None:
    """Refuses a session that has ended: AlreadyPaid or SessionOver."""
    if session.status is SessionStatus.COMPLETED:
        raise AlreadyPaid
    if session.status in OVER or session.expires_at <= now:
        raise SessionOver


def hash_secret(secret: str) -> bytes:
    """The hash that is stored of a client secret. The secret has 256 random bits, so a plain hash suffices."""
    return hashlib.sha256(secret.encode()).digest()
