"""An intent at the simulated bank: one amount to collect, and its lifecycle. Pure.

Every function returns a `Change`: the intent afterwards, the event for the webhook if there is one, and whether a card
was charged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from checkie.kernel import Lifecycle, exponent
from checkie.providers.simulator.bank import cards
from checkie.providers.simulator.bank.cards import Card, Challenge
from checkie.providers.simulator.bank.errors import invalid
from checkie.providers.simulator.bank.faults import DEFAULTS, Faults

_CHALLENGE_ABOVE_UNITS: Final = 100


class State(StrEnum):
    """The status of an intent, as it is on the wire."""

    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    """What can happen to an intent."""

    CHALLENGE = "challenge"
    WAIT = "wait"
    APPROVE = "approve"
    DECLINE = "decline"
    CANCEL = "cancel"
    REFUND = "refund"


# from                                      verb                to                        event of the webhook
LIFECYCLE: Final = Lifecycle[State, Verb, str](
    name="intent",
    start=State.REQUIRES_CONFIRMATION,
    transitions={
        (State.REQUIRES_CONFIRMATION, Verb.CHALLENGE): (State.REQUIRES_ACTION, "intent.requires_action"),
        (State.REQUIRES_CONFIRMATION, Verb.WAIT): (State.PROCESSING, "intent.processing"),
        (State.REQUIRES_CONFIRMATION, Verb.APPROVE): (State.SUCCEEDED, "intent.succeeded"),
        (State.REQUIRES_CONFIRMATION, Verb.DECLINE): (State.DECLINED, "intent.declined"),
        (State.REQUIRES_CONFIRMATION, Verb.CANCEL): (State.CANCELLED, "intent.cancelled"),
        (State.REQUIRES_ACTION, Verb.WAIT): (State.PROCESSING, "intent.processing"),
        (State.REQUIRES_ACTION, Verb.APPROVE): (State.SUCCEEDED, "intent.succeeded"),
        (State.REQUIRES_ACTION, Verb.DECLINE): (State.DECLINED, "intent.declined"),
        (State.REQUIRES_ACTION, Verb.CANCEL): (State.CANCELLED, "intent.cancelled"),
        (State.PROCESSING, Verb.APPROVE): (State.SUCCEEDED, "intent.succeeded"),
        (State.DECLINED, Verb.APPROVE): (State.SUCCEEDED, "intent.succeeded"),  # only by the fault late_success
        (State.SUCCEEDED, Verb.REFUND): (State.SUCCEEDED, "intent.refunded"),
    },
)
FINISHED: Final = frozenset({State.PROCESSING, State.SUCCEEDED, State.DECLINED, State.CANCELLED})
"""Statuses in which the buyer has nothing left to do."""


@dataclass(frozen=True, slots=True)
class IntentParams:
    """The parameters that a merchant creates an intent with. Equal parameters have equal fingerprints."""

    amount: int
    currency: str
    description: str
    return_url: str
    email: str | None
    metadata: Mapping[str, str]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Intent:
    """One amount to collect. A *tombstone* has no `params`: its key was cancelled before an intent was created."""

    id: str
    key: str
    client_secret: str = field(repr=False)
    created_at: float
    params: IntentParams | None
    status: State = State.REQUIRES_CONFIRMATION
    brand: str | None = None
    last4: str | None = None
    three_d_secure: str | None = None
    declines_after_challenge: str | None = None
    failure: str | None = None
    charged: int = 0
    """How many times a card was charged for it. More than 1 would be a bug."""
    amount_received: int = 0
    currency_received: str | None = None
    refunded: int = 0
    faults: Faults = field(default_factory=dict)
    settles_at: float | None = None
    """When the bank decides (slow_bank) or reverses its decision (late_success)."""


@dataclass(frozen=True, slots=True)
class Change:
    """The result of a verb. `event` None: nothing changed."""

    intent: Intent
    event: str | None = None
    charged: bool = False


def confirm(intent: Intent, card: Card, *, faults: Faults, now_s: float) -> Change:
    """The buyer submitted valid card details. An intent that was confirmed before does not change."""
    if intent.status is not State.REQUIRES_CONFIRMATION or intent.params is None:
        return Change(intent)
    if card.fault:
        faults = {card.fault: DEFAULTS[card.fault], **faults}
    with_card = replace(intent, brand=card.brand, last4=card.number[-4:], faults=faults)
    params = intent.params
    above_limit = params.amount > _CHALLENGE_ABOVE_UNITS * 10 ** exponent(params.currency)
    if card.decline and card.challenge is Challenge.BY_AMOUNT:
        return _move(with_card, Verb.DECLINE, failure=card.decline)
    if card.challenge is Challenge.LOOKUP_FAILS:
        return _move(with_card, Verb.DECLINE, failure="card_declined")
    if card.challenge is Challenge.LOOKUP_FAILS_BY_AMOUNT and above_limit:
        return _move(with_card, Verb.DECLINE, failure="processing_error")
    if above_limit or card.challenge is Challenge.ALWAYS or "webhooks_reordered" in faults:
        return _move(with_card, Verb.CHALLENGE, three_d_secure="required", declines_after_challenge=card.decline)
    return _conclude(with_card, now_s)


def decline_card(intent: Intent, code: str, *, faults: Faults) -> Change:
    """The buyer submitted invalid card details. A decline is final."""
    if intent.status is not State.REQUIRES_CONFIRMATION:
        return Change(intent)
    return _move(intent, Verb.DECLINE, failure=code, faults=faults)


def authenticate(intent: Intent, *, passed: bool, now_s: float) -> Change:
    """The buyer completed or failed 3-D Secure. Only the first result counts."""
    if intent.status is not State.REQUIRES_ACTION:
        return Change(intent)
    if not passed:
        return _move(intent, Verb.DECLINE, failure="authentication_failed", three_d_secure="failed")
    authenticated = replace(intent, three_d_secure="passed")
    if intent.declines_after_challenge:
        return _move(authenticated, Verb.DECLINE, failure=intent.declines_after_challenge)
    return _conclude(authenticated, now_s)


def settle(intent: Intent) -> Change:
    """The decision that was due at `settles_at`: the payment succeeds."""
    return _approve(intent) if intent.settles_at is not None else Change(intent)


def cancel(intent: Intent) -> Change:
    """Make sure that it cannot succeed. A finished or processing intent does not change."""
    if intent.status in FINISHED:
        return Change(intent)
    return _move(intent, Verb.CANCEL)


def refund(intent: Intent, amount: int) -> Change:
    """Refund `amount`. Refuses more than was received and not refunded yet."""
    refundable = intent.amount_received - intent.refunded
    if amount > refundable:
        raise invalid(f"At most {refundable} can be refunded.", param="amount")
    return _move(intent, Verb.REFUND, refunded=intent.refunded + amount)


def _conclude(intent: Intent, now_s: float) -> Change:
    """The card is accepted and the buyer authenticated: succeed, unless a fault of the intent delays or declines it."""
    if late := intent.faults.get("late_success"):
        return _move(intent, Verb.DECLINE, failure="card_declined", settles_at=now_s + late["delay_s"])
    if slow := intent.faults.get("slow_bank"):
        return _move(intent, Verb.WAIT, settles_at=now_s + slow["delay_s"])
    return _approve(intent)


def _approve(intent: Intent) -> Change:
    params = intent.params
    if params is None:
        return Change(intent)
    received = params.amount + int(intent.faults.get("wrong_amount", {}).get("by", 0))
    other = "USD" if params.currency == "EUR" else "EUR"
    facts = {
        "amount_received": max(received, 0),
        "currency_received": other if "wrong_currency" in intent.faults else None,
        "charged": intent.charged + 1,
        "failure": None,
        "settles_at": None,
    }
    return replace(_move(intent, Verb.APPROVE, **facts), charged=True)


def _move(intent: Intent, verb: Verb, **facts: Any) -> Change:
    state, event = LIFECYCLE.next(intent.status, verb)
    return Change(replace(intent, status=state, **facts), event)


def as_json(intent: Intent) -> dict[str, Any]:
    """The wire form without secrets and URLs, as webhooks carry it."""
    params = intent.params
    return {
        "id": intent.id,
        "status": intent.status,
        "amount": params.amount if params else None,
        "currency": (intent.currency_received or params.currency) if params else None,
        "amount_received": intent.amount_received,
        "failure": _failure(intent.failure),
        "card": {"brand": intent.brand, "last4": intent.last4} if intent.last4 else None,
        "three_d_secure": intent.three_d_secure,
        "refunded": intent.refunded,
        "metadata": params.metadata if params else {},
    }


def _failure(decline: str | None) -> dict[str, str] | None:
    if decline is None:
        return None
    code, message = cards.code_and_message(decline)
    return {"code": code, "message": message}
