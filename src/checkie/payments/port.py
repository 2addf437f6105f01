"""What a payment provider implements. Answers are values; silence is one of them.

Every call carries our attempt id as `key`, and the provider treats it as its idempotency key: asking twice is asking
once. Nothing here raises for what a provider may answer or fail to answer; an adapter turns time-outs, broken
connections and 5xx into `Unknown` and a definite "no" into `Declined`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from checkie.kernel import Money, NotFound, Unauthorized
from checkie.kernel.ids import AttemptId, PaymentId


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
    """The browser has no JavaScript: it needs the provider's own page. Of no account once the attempt has begun."""
    reference: str | None = None
    """What the provider calls the attempt, if that is known: then it has begun."""


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
    """The provider's own page for a browser without JavaScript. Its address may hold the client secret.

    None: it has none, or has one only for attempts that were begun for it (`Intent.hosted`).
    """
    publishable_key: str | None = None


@dataclass(frozen=True, slots=True)
class InProgress:
    """The provider is still at work (a slow bank); it will tell."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no: this attempt moved no money and will move none."""

    reference: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Cancelled at the provider: no money moved and none can."""

    reference: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer in time, or one that makes no sense: money may have moved. Never retry elsewhere; ask with `find`."""

    why: str


Outcome: TypeAlias = Approved | ActionNeeded | InProgress | Declined | Withdrawn | Unknown


@dataclass(frozen=True, slots=True)
class Refunded:
    """`total` of this attempt's money has gone back to the buyer so far, in sum over all its refunds."""

    reference: str
    total: Money


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider's webhook says, in our words."""

    event: str
    """The provider's id of the event; the same event may come many times."""
    key: AttemptId
    outcome: Approved | ActionNeeded | InProgress | Declined | Withdrawn | Refunded


class BadSignature(Unauthorized):
    """The webhook's signature is missing, wrong or older than five minutes."""

    code, status, title = "webhook_signature_invalid", 400, "Bad signature"


class Cards(Protocol):
    """What a card provider can do."""

    name: str

    async def authorize(self, intent: Intent) -> Outcome:
        """Make the provider's twin of this attempt (or find it: same key, same twin) and say how it stands."""
        ...

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        """How the attempt stands now. `Withdrawn(None)` when the provider surely never heard of it."""
        ...

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        """Make sure it can no longer succeed: `Withdrawn`, or `Approved` when it was too late, or `Unknown`."""
        ...


class Webhooks(Protocol):
    """What a provider that sends webhooks can do."""

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        """The notice in a raw webhook; None for an event that is not about our attempts. Raises BadSignature.

        Header names are lower case. `now_s` is unix time in seconds. An unreadable body raises BadSignature too.
        """
        ...


class Provider(Cards, Webhooks, Protocol):
    """A provider with every ability that this release needs. `aclose` lets its connections go."""

    async def aclose(self) -> None:
        """Let connections go."""
        ...


class NoSuchProvider(NotFound):
    """No payment provider of this name is configured."""

    code = "provider_not_found"


@dataclass(frozen=True, slots=True)
class Providers(Mapping[str, Provider]):
    """The configured providers by name, looked up by ability."""

    configured: Mapping[str, Provider]

    def cards(self, name: str) -> Cards:
        """The card provider of this name. Refuses with NoSuchProvider."""
        return self._find(name)

    def webhooks(self, name: str) -> Webhooks:
        """The provider of this name that sends webhooks. Refuses with NoSuchProvider."""
        return self._find(name)

    def _find(self, name: str) -> Provider:
        found = self.configured.get(name)
        if found is None:
            raise NoSuchProvider
        return found

    def __getitem__(self, name: str) -> Provider:
        return self.configured[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.configured)

    def __len__(self) -> int:
        return len(self.configured)
