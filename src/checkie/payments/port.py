"""What a payment provider implements, ability by ability. Outcomes are values; no response is one of them.

Every call carries our attempt id as `key`, which the provider treats as its idempotency key: the same call twice has
the effect of one. An adapter raises for nothing that a provider may answer or fail to answer: time-outs, broken
connections and 5xx are `Unknown`, a definite "no" is `Declined`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

from checkie.kernel import Conflict, Money, Unauthorized
from checkie.kernel.ids import AttemptId, DisputeId, PaymentId, RefundId

Ability = TypeVar("Ability")


class Action(StrEnum):
    """What the buyer has to do next."""

    CONFIRM = "CONFIRM"
    """Enter a payment method: nothing was charged yet."""
    AUTHENTICATE = "AUTHENTICATE"
    """3-D Secure or another redirect."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What we ask a provider to collect."""

    key: AttemptId
    payment: PaymentId
    amount: Money
    description: str
    return_url: str
    """Where the provider sends the buyer after its own pages."""
    email: str | None = None
    hosted: bool = False
    """The browser has no JavaScript and needs the provider's own page. No effect once the attempt was started."""
    reference: str | None = None
    """The provider's id of the attempt, if it is known: then the attempt was started."""


@dataclass(frozen=True, slots=True)
class Approved:
    """The money moved. `amount` is what the provider says it took; the caller compares."""

    reference: str
    amount: Money
    facts: Mapping[str, str] = field(default_factory=dict)
    """What may be kept and shown: brand, last4, three_d_secure. Never a card number, token or secret."""


@dataclass(frozen=True, slots=True)
class ActionNeeded:
    """The buyer must act in the browser before money can move."""

    reference: str
    action: Action
    client_secret: str = field(repr=False)
    """Empty where the buyer can act on the hosted page alone."""
    confirm_url: str | None = None
    hosted_url: str | None = field(default=None, repr=False)
    """The provider's own page for a browser without JavaScript. Its address may contain the client secret.

    None: there is none, or only for attempts that were started for it (`Intent.hosted`).
    """
    publishable_key: str | None = None


@dataclass(frozen=True, slots=True)
class InProgress:
    """The provider is still processing (a slow bank). A webhook will follow."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no: this attempt moved no money and will move none."""

    reference: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Cancelled at the provider: no money moved and none can."""

    reference: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer in time, or an invalid one: money may have moved. Never retry with another provider; use `find`."""

    why: str


Outcome: TypeAlias = Approved | ActionNeeded | InProgress | Declined | Cancelled | Unknown
"""The answer to a call about an attempt."""


@dataclass(frozen=True, slots=True)
class Refunded:
    """`total` of this attempt's money has been refunded so far, summed over all its refunds. It is what is booked."""

    reference: str
    total: Money


class RefundStatus(StrEnum):
    """The status of a refund. One that succeeded may yet fail, when the buyer's bank returns the money."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class DisputeStatus(StrEnum):
    """The status of a dispute, as card networks know it. WARNING: an inquiry, which has moved no money."""

    WARNING_NEEDS_RESPONSE = "WARNING_NEEDS_RESPONSE"
    WARNING_UNDER_REVIEW = "WARNING_UNDER_REVIEW"
    WARNING_CLOSED = "WARNING_CLOSED"
    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    UNDER_REVIEW = "UNDER_REVIEW"
    WON = "WON"
    LOST = "LOST"
    PREVENTED = "PREVENTED"


@dataclass(frozen=True, slots=True)
class RefundReport:
    """One refund as the provider reports it. `reference` is the provider's id of the refund. It books nothing."""

    reference: str
    amount: Money
    status: RefundStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class DisputeReport:
    """One dispute as the provider reports it. `reference` is the provider's id of the dispute. It books nothing."""

    reference: str
    amount: Money
    status: DisputeStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class ProviderReference:
    """An attempt by the provider's id: all that a provider names for a refund or dispute that began on its side."""

    reference: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider's webhook says, in our words.

    `subject` is what it is about, as far as the webhook names it: our id where the provider carries it in its metadata.
    A refund or dispute that began at the provider has none of our ids yet, so its subject is the attempt, by our id or
    by the provider's.
    """

    event: str
    """The provider's id of the event. The same event may arrive many times."""
    subject: AttemptId | RefundId | DisputeId | ProviderReference
    outcome: Approved | ActionNeeded | InProgress | Declined | Cancelled | Refunded | RefundReport | DisputeReport


class BadSignature(Unauthorized):
    """The webhook's signature is missing or invalid, or its timestamp is more than five minutes from now."""

    code, status, title = "webhook_signature_invalid", 400, "Bad signature"


class ProviderNotConfigured(Conflict):
    """The payment provider is not configured on this installation, or does not support this operation."""

    code = "provider_not_configured"


@runtime_checkable
class Cards(Protocol):
    """Takes card payments."""

    async def authorize(self, intent: Intent) -> Outcome:
        """Begin this attempt at the provider, or find it by its key, and return its status."""
        ...

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        """The status of the attempt now. `Cancelled(None)` when the provider has certainly never received it."""
        ...

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        """Make sure that it can no longer succeed: `Cancelled`, or `Approved` when it was too late, or `Unknown`."""
        ...


@runtime_checkable
class Webhooks(Protocol):
    """Sends webhooks."""

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        """The notice in a raw webhook; None for an event that is not about our attempts. Raises BadSignature.

        Header names are lower case. `now_s` is unix time in seconds. An unreadable body raises BadSignature too.
        """
        ...


class Provider(Protocol):
    """Any provider. What it can do beyond this are abilities, of which it implements those that it has."""

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class Providers:
    """The configured providers by name, looked up by ability."""

    def __init__(self, adapters: Mapping[str, Provider]) -> None:
        self._adapters = dict(adapters)
        self._cards = {name: adapter for name, adapter in adapters.items() if isinstance(adapter, Cards)}
        self._webhooks = {name: adapter for name, adapter in adapters.items() if isinstance(adapter, Webhooks)}

    def cards(self, name: str) -> Cards:
        """The provider of this name, to take card payments. Refuses with ProviderNotConfigured."""
        return _found(self._cards, name)

    def webhooks(self, name: str) -> Webhooks:
        """The provider of this name, to receive webhooks. Refuses with ProviderNotConfigured."""
        return _found(self._webhooks, name)

    async def aclose(self) -> None:
        """Close the connections of all of them."""
        for adapter in self._adapters.values():
            await adapter.aclose()


def _found(having: Mapping[str, Ability], name: str) -> Ability:
    if name not in having:
        raise ProviderNotConfigured
    return having[name]
