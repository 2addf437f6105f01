"""An intent at the simulated bank: one amount to collect, and how its life goes. Pure.

Every function takes an intent and gives a `Change`: the intent after it, the webhook's event if it is news, and whether
a card was charged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from checkie.kernel import Lifecycle, exponent
from checkie.providers.simulator import cards
from checkie.providers.simulator.cards import Card, Challenge
from checkie.providers.simulator.faults import DEFAULTS, Faults
from checkie.providers.simulator.problem import invalid

_CHALLENGE_ABOVE_UNITS: Final = 100


class State(StrEnum):
    """How an intent stands, as the wire spells it."""

    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELLED = "cancelled"


# from                                 verb            to                        the webhook that tells of it
LIFECYCLE: Final = Lifecycle[State, Any, str](
    name="intent",
    start=State.REQUIRES_CONFIRMATION,
    transitions={
        (State.REQUIRES_CONFIRMATION, "challenge"): (State.REQUIRES_ACTION, "intent.requires_action"),
        (State.REQUIRES_CONFIRMATION, "wait"): (State.PROCESSING, "intent.processing"),
        (State.REQUIRES_CONFIRMATION, "approve"): (State.SUCCEEDED, "intent.succeeded"),
        (State.REQUIRES_CONFIRMATION, "decline"): (State.DECLINED, "intent.declined"),
        (State.REQUIRES_CONFIRMATION, "cancel"): (State.CANCELLED, "intent.cancelled"),
        (State.REQUIRES_ACTION, "wait"): (State.PROCESSING, "intent.processing"),
        (State.REQUIRES_ACTION, "approve"): (State.SUCCEEDED, "intent.succeeded"),
        (State.REQUIRES_ACTION, "decline"): (State.DECLINED, "intent.declined"),
        (State.REQUIRES_ACTION, "cancel"): (State.CANCELLED, "intent.cancelled"),
        (State.PROCESSING, "approve"): (State.SUCCEEDED, "intent.succeeded"),
        (State.DECLINED, "approve"): (State.SUCCEEDED, "intent.succeeded"),  # the fault late_success, nothing else
        (State.SUCCEEDED, "refund"): (State.SUCCEEDED, "intent.refunded"),
    },
)
FINISHED: Final = frozenset({State.PROCESSING, State.SUCCEEDED, State.DECLINED, State.CANCELLED})
"""States in which the buyer has nothing left to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a merchant asks us to collect. `fingerprint` tells two askings apart."""

    amount: int
    currency: str
    description: str
    return_url: str
    email: str | None
    metadata: Mapping[str, str]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Intent:
    """One amount to collect. A *tombstone* has no `asked`: it was cancelled by its key before it was ever created."""

    id: str
    key: str
    client_secret: str = field(repr=False)
    created_at: float
    asked: Asked | None
    status: State = State.REQUIRES_CONFIRMATION
    brand: str | None = None
    last4: str | None = None
    three_d_secure: str | None = None
    declines_after_challenge: str | None = None
    failure: str | None = None
    charged: int = 0
    """How many times a card was charged for it: more than 1 would be a bug of ours."""
    amount_received: int = 0
    currency_received: str | None = None
    refunded: int = 0
    faults: Faults = field(default_factory=dict)
    later_at: float | None = None
    """When the bank makes up its mind (slow_bank) or changes it (late_success)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a verb did. `event` None: nothing changed that anyone is told of."""

    intent: Intent
    event: str | None = None
    charged: bool = False


def confirm(intent: Intent, card: Card, *, faults: Faults, now_s: float) -> Change:
    """The buyer gave a card without flaws. An intent that was confirmed before stays as it is."""
    if intent.status is not State.REQUIRES_CONFIRMATION or intent.asked is None:
        return Change(intent)
    if card.fault:
        faults = {card.fault: DEFAULTS[card.fault], **faults}
    named = replace(intent, brand=card.brand, last4=card.number[-4:], faults=faults)
    over_limit = intent.asked.amount > _CHALLENGE_ABOVE_UNITS * 10 ** exponent(intent.asked.currency)
    if card.decline and card.challenge is Challenge.BY_AMOUNT:
        return _move(named, "decline", failure=card.decline)
    if card.challenge is Challenge.BROKEN:
        return _move(named, "decline", failure="card_declined")
    if card.challenge is Challenge.BROKEN_IF_ASKED and over_limit:
        return _move(named, "decline", failure="processing_error")
    if over_limit or card.challenge is Challenge.ALWAYS or "webhooks_reordered" in faults:
        return _move(named, "challenge", three_d_secure="required", declines_after_challenge=card.decline)
    return _conclude(named, now_s)


def refuse_card(intent: Intent, code: str, *, faults: Faults) -> Change:
    """The buyer gave a card with a flaw. One decline is for good."""
    if intent.status is not State.REQUIRES_CONFIRMATION:
        return Change(intent)
    return _move(intent, "decline", failure=code, faults=faults)


def authenticate(intent: Intent, *, passed: bool, now_s: float) -> Change:
    """The buyer went through 3-D Secure. Only the first answer counts."""
    if intent.status is not State.REQUIRES_ACTION:
        return Change(intent)
    if not passed:
        return _move(intent, "decline", failure="authentication_failed", three_d_secure="failed")
    proved = replace(intent, three_d_secure="passed")
    if intent.declines_after_challenge:
        return _move(proved, "decline", failure=intent.declines_after_challenge)
    return _conclude(proved, now_s)


def settle(intent: Intent) -> Change:
    """What was put off to `later_at` happens: the money moves."""
    return _approve(intent) if intent.later_at is not None else Change(intent)


def cancel(intent: Intent) -> Change:
    """Make sure that it cannot succeed, unless it did or a bank is at it. What is over stays as it is."""
    if intent.status in FINISHED:
        return Change(intent)
    return _move(intent, "cancel")


def refund(intent: Intent, amount: int) -> Change:
    """Give `amount` back. Refuses more than was taken and not yet given back."""
    left = intent.amount_received - intent.refunded
    if amount > left:
        raise invalid(f"{left} can be refunded", param="amount")
    return _move(intent, "refund", refunded=intent.refunded + amount)


def _conclude(intent: Intent, now_s: float) -> Change:
    """The card is good and the buyer is who they say: what is left is what the intent's faults make of it."""
    if late := intent.faults.get("late_success"):
        return _move(intent, "decline", failure="card_declined", later_at=now_s + late["delay_s"])
    if slow := intent.faults.get("slow_bank"):
        return _move(intent, "wait", later_at=now_s + slow["delay_s"])
    return _approve(intent)


def _approve(intent: Intent) -> Change:
    asked = intent.asked
    if asked is None:
        return Change(intent)
    received = asked.amount + int(intent.faults.get("wrong_amount", {}).get("by", 0))
    other = "USD" if asked.currency == "EUR" else "EUR"
    facts = {
        "amount_received": max(received, 0),
        "currency_received": other if "wrong_currency" in intent.faults else None,
        "charged": intent.charged + 1,
        "failure": None,
        "later_at": None,
    }
    return replace(_move(intent, "approve", **facts), charged=True)


def _move(intent: Intent, verb: str, **facts: Any) -> Change:
    state, event = LIFECYCLE.next(intent.status, verb)
    return Change(replace(intent, status=state, **facts), event)


def as_json(intent: Intent) -> dict[str, Any]:
    """The wire form without what is secret or depends on where we are served: what a webhook carries."""
    asked = intent.asked
    return {
        "id": intent.id,
        "status": intent.status,
        "amount": asked.amount if asked else None,
        "currency": (intent.currency_received or asked.currency) if asked else None,
        "amount_received": intent.amount_received,
        "failure": _failure(intent.failure),
        "card": {"brand": intent.brand, "last4": intent.last4} if intent.last4 else None,
        "three_d_secure": intent.three_d_secure,
        "refunded": intent.refunded,
        "metadata": asked.metadata if asked else {},
    }


def _failure(decline: str | None) -> dict[str, str] | None:
    if decline is None:
        return None
    code, message = cards.code_and_message(decline)
    return {"code": code, "message": message}
