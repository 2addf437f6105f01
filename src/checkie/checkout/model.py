"""A session: one buyer's run through a checkout. Its lifecycle, its rules. Pure."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from checkie.checkout import events
from checkie.checkout.quote import Quote
from checkie.kernel import Conflict, Invalid, Lifecycle, NotFound
from checkie.kernel.ids import OrderId, PageId, PaymentId, SessionId


class NoSuchSession(NotFound):
    """The session does not exist."""

    code = "session_not_found"


class IllegalSessionMove(Conflict):
    """The status of the session does not allow this."""

    code = "session_illegal_move"


class SessionOver(Conflict):
    """The session has expired. Open a new one."""

    code = "session_over"


class AlreadyPaid(Conflict):
    """The session is already paid."""

    code = "session_already_paid"


class PaymentUnderWay(Conflict):
    """A payment of this session is in progress and cannot be canceled. Wait for its outcome."""

    code = "session_payment_under_way"


class VersionMismatch(Conflict):
    """The session has changed since it was read. Retrieve it again."""

    code, status, title = "session_version_mismatch", 412, "Precondition failed"


class EmailMissing(Invalid):
    """An email address is required to pay."""

    code = "email_missing"


class ProviderMissing(Conflict):
    """The payment provider of this page is not configured."""

    code = "provider_not_configured"


class SessionStatus(StrEnum):
    """How a session stands."""

    OPEN = "OPEN"
    PROCESSING = "PROCESSING"
    AWAITING_ACTION = "AWAITING_ACTION"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"
    ABANDONED = "ABANDONED"


class Step(StrEnum):
    """Where the buyer stands (seed 3's states; those that a session does not need are skipped)."""

    GUEST_INFO = "GUEST_INFO"
    PAYMENT_METHOD = "PAYMENT_METHOD"
    PAYMENT_PROCESSING = "PAYMENT_PROCESSING"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    ORDER_CONFIRMATION = "ORDER_CONFIRMATION"


_S = SessionStatus
PAYING: Final = (_S.PROCESSING, _S.AWAITING_ACTION)
OVER: Final = (_S.EXPIRED, _S.ABANDONED)

SESSION: Final = Lifecycle[SessionStatus, type[events.SessionEvent] | None](
    name="session",
    start=_S.OPEN,
    refusal=IllegalSessionMove,
    moves={
        # from                       verb             to                     and this happened
        (_S.OPEN, "change"): (_S.OPEN, None),
        (_S.OPEN, "pay"): (_S.PROCESSING, None),
        (_S.OPEN, "expire"): (_S.EXPIRED, events.SessionExpired),
        (_S.OPEN, "abandon"): (_S.ABANDONED, events.SessionAbandoned),
        (_S.PROCESSING, "need_action"): (_S.AWAITING_ACTION, None),
        (_S.AWAITING_ACTION, "act"): (_S.PROCESSING, None),
        **{(state, "succeed"): (_S.COMPLETED, events.SessionCompleted) for state in PAYING},
        **{(state, "decline"): (_S.OPEN, events.SessionReopened) for state in PAYING},
        **{(state, "withdraw"): (_S.OPEN, events.SessionReopened) for state in PAYING},
        **{(state, "exhaust"): (_S.EXPIRED, events.SessionExpired) for state in PAYING},
        # a success that nobody expected any more is fulfilled, not lost
        (_S.OPEN, "succeed_late"): (_S.COMPLETED, events.SessionCompleted),
        (_S.EXPIRED, "succeed_late"): (_S.COMPLETED, events.SessionCompleted),
        (_S.ABANDONED, "succeed_late"): (_S.COMPLETED, events.SessionCompleted),
    },
)


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its row holds it. `attempt` numbers the attempt that it is or was last paying with (0: none)."""

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
        """Where the buyer stands."""
        if self.status is _S.COMPLETED:
            return Step.ORDER_CONFIRMATION
        if self.status in PAYING:
            return Step.PAYMENT_PROCESSING
        if self.status in OVER:
            return Step.PAYMENT_FAILED
        return Step.PAYMENT_METHOD if self.email else Step.GUEST_INFO

    def due_at(self, now: datetime) -> datetime:
        """When to look at it again if nothing happens: its expiry, or sooner if a known buyer may have left."""
        if self.email is None:
            return self.expires_at
        return min(self.expires_at, now + timedelta(seconds=self.abandoned_s))

    def is_opened_by(self, secret: str) -> bool:
        """Whether this is the session's client secret."""
        return hmac.compare_digest(hash_secret(secret), self.secret_hash)


def check_time(session: Session, now: datetime) -> None:
    """Refuses what is over: AlreadyPaid or SessionOver."""
    if session.status is SessionStatus.COMPLETED:
        raise AlreadyPaid
    if session.status in OVER or session.expires_at <= now:
        raise SessionOver


def hash_secret(secret: str) -> bytes:
    """What we keep of a client secret. It has 256 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode()).digest()
