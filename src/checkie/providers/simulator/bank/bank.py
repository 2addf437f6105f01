"""The bank's operations: each reads, decides and writes.

Nothing here awaits, so on one event loop no two operations interleave. That is why two simultaneous confirms charge a
card once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from checkie.providers.simulator.bank import cards, faults, intents
from checkie.providers.simulator.bank.cards import CardDetails, CardError
from checkie.providers.simulator.bank.database import Database
from checkie.providers.simulator.bank.errors import SimulatorError
from checkie.providers.simulator.bank.faults import Faults
from checkie.providers.simulator.bank.ids import format_id
from checkie.providers.simulator.bank.intents import Change, Intent, IntentParams, State

_FAILS: Final = frozenset({"create_fails", "confirm_fails"})


@dataclass(frozen=True, slots=True)
class ResponseFault:
    """What happens to a response after its change was made: it is delayed, or fails, or both."""

    hang_s: float = 0
    fails: bool = False


NO_FAULT: Final = ResponseFault()


@dataclass(frozen=True, slots=True)
class Bank:
    """The bank. `clock` returns unix time; `schedule` calls `settle` with an intent's id at a unix time."""

    db: Database
    clock: Callable[[], float]
    schedule: Callable[[str, float], None]

    def get(self, intent_id: str, *, secret: str | None = None) -> Intent:
        """The intent of that id. With a wrong client secret it is not found."""
        intent = self.db.find(intent_id)
        if intent is None or (secret is not None and not _equal(secret, intent.client_secret)):
            raise _not_found()
        return intent

    def find(self, key: str) -> Intent:
        """The intent of that idempotency key."""
        intent = self.db.find_by_key(key)
        if intent is None:
            raise _not_found()
        return intent

    def create(self, key: str, params: IntentParams) -> tuple[Intent, ResponseFault]:
        """The intent for that key: a new one, the one created before, or its tombstone."""
        intent = self.db.find_by_key(key)
        if intent and intent.params and intent.params.fingerprint != params.fingerprint:
            raise _key_reused()
        if intent is None or intent.params is None:
            intent = replace(intent or self._new(key), params=params)
            self.db.insert_intent(intent)
        return intent, _response_fault(self._claim(faults.OF_CREATE, intent, "create"))

    def confirm(self, intent: Intent, details: CardDetails) -> tuple[Intent, ResponseFault]:
        """The buyer submitted card details. An intent that was confirmed before does not change."""
        if intent.status is not State.REQUIRES_CONFIRMATION or intent.params is None:
            return intent, NO_FAULT
        now_s = self.clock()
        applied = {**intent.faults, **self._claim(faults.OF_CONFIRM, intent, "confirm")}
        if errors := self.validate(details):
            return self._write(intents.decline_card(intent, errors[0].code, faults=applied), now_s), NO_FAULT
        change = intents.confirm(intent, cards.card_of(details.number), faults=applied, now_s=now_s)
        return self._write(change, now_s), _fault_of_charge(change)

    def validate(self, details: CardDetails) -> list[CardError]:
        """The invalid fields of the card details, as of today."""
        today = datetime.fromtimestamp(self.clock(), UTC)
        return cards.validate(details, year=today.year, month=today.month)

    def authenticate(self, intent: Intent, *, passed: bool) -> tuple[Intent, ResponseFault]:
        """The buyer completed or failed 3-D Secure. Only the first result counts."""
        now_s = self.clock()
        change = intents.authenticate(intent, passed=passed, now_s=now_s)
        return self._write(change, now_s), _fault_of_charge(change)

    def settle(self, intent_id: str) -> None:
        """The scheduled decision on an intent is due."""
        self._write(intents.settle(self.get(intent_id)), self.clock())

    def cancel(self, intent: Intent) -> Intent:
        """Make sure that the intent cannot succeed. A finished or processing one does not change."""
        change = intents.cancel(intent)
        if change.event is None:
            return intent
        return self._write_with_faults(change, "cancel")

    def cancel_by_key(self, key: str) -> Intent:
        """Cancel by key. A key that was never used gets a tombstone, so that no intent can be paid under it later."""
        intent = self.db.find_by_key(key)
        if intent:
            return self.cancel(intent)
        tombstone = replace(self._new(key), status=State.CANCELLED)
        self.db.insert_intent(tombstone)
        return tombstone

    def refund(self, intent: Intent, amount: int, key: str | None) -> Intent:
        """Refund an amount; once per key, if there is one."""
        earlier = self.db.find_refund(key) if key else None
        if earlier == (intent.id, amount):
            return intent
        if earlier:
            raise _key_reused()
        change = intents.refund(intent, amount)
        if key:
            self.db.insert_refund(key, intent, amount)
        return self._write_with_faults(change, "refund")

    def check_outage(self, facts: Mapping[str, Any]) -> None:
        """Refuse a call that an outage applies to."""
        for rule in faults.matching(self.db.rules, faults.OF_CALL, facts).values():
            self.db.use_rule(rule)
            raise SimulatorError(503, "outage", "The simulator is unavailable, as configured by a fault.")

    def _new(self, key: str) -> Intent:
        intent_id = format_id("sim", self.db.next_intent_number(), secrets.token_hex(8))
        return Intent(intent_id, key, f"{intent_id}_secret_{secrets.token_hex(16)}", self.clock(), None)

    def _claim(self, of: frozenset[str], intent: Intent, call: str) -> Faults:
        """The configured faults that apply to this call of the intent. Each counts as used."""
        params = intent.params
        if not self.db.rules or params is None:
            return {}
        facts = {
            "call": call,
            "intent": intent.id,
            "amount": params.amount,
            "currency": params.currency,
            "email": params.email,
            "attempt": params.metadata.get("attempt"),
            "payment": params.metadata.get("payment"),
        }
        rules = faults.matching(self.db.rules, of, facts)
        for rule in rules.values():
            self.db.use_rule(rule)
        return {name: rule.params for name, rule in rules.items()}

    def _write_with_faults(self, change: Change, call: str) -> Intent:
        """Write a change under the faults of webhooks that this call claims."""
        intent = change.intent
        applied = {**intent.faults, **self._claim(faults.OF_WEBHOOKS, intent, call)}
        return self._write(replace(change, intent=replace(intent, faults=applied)), self.clock())

    def _write(self, change: Change, now_s: float) -> Intent:
        intent = change.intent
        if change.event is None:
            return intent
        self.db.update_intent(intent)
        event_id = format_id("sev", self.db.next_event_number(), secrets.token_hex(8))
        data = {"intent": intents.as_json(intent)}
        body = {"id": event_id, "type": change.event, "created": int(now_s), "data": data}
        self.db.insert_event(event_id, intent, body, now_s, faults.delivery(change.event, intent.faults, now_s))
        if intent.settles_at is not None:
            self.schedule(intent.id, intent.settles_at)
        return intent


def _not_found() -> SimulatorError:
    return SimulatorError(404, "intent_not_found", "No such intent.")


def _key_reused() -> SimulatorError:
    return SimulatorError(409, "idempotency_mismatch", "This Idempotency-Key was used with other parameters.")


def _equal(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _fault_of_charge(change: Change) -> ResponseFault:
    return _response_fault(change.intent.faults) if change.charged else NO_FAULT


def _response_fault(applied: Faults) -> ResponseFault:
    hang_s = max((params.get("hang_s", 0) for params in applied.values()), default=0)
    return ResponseFault(hang_s, not _FAILS.isdisjoint(applied))
