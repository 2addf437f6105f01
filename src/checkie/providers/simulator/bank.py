"""What the simulated bank does when it is asked: read, decide, write.

Nothing here awaits, so on one event loop no two askings of one intent can interleave: that alone is why two confirms at
once charge once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from checkie.providers.simulator import cards, faults, intents
from checkie.providers.simulator.cards import Flaw, Typed
from checkie.providers.simulator.faults import Faults
from checkie.providers.simulator.intents import Asked, Change, Intent, State
from checkie.providers.simulator.problem import Problem
from checkie.providers.simulator.store import Store, spell

_FAILS: Final = frozenset({"create_fails", "confirm_fails"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls an answer after its change was made: it waits, or turns into a 500, or both."""

    hang_s: float = 0
    fails: bool = False


NO_TROUBLE: Final = Trouble()


@dataclass(frozen=True, slots=True)
class Bank:
    """`clock` gives unix seconds; `later` has `settle` called with an intent's id at a unix second."""

    store: Store
    clock: Callable[[], float]
    later: Callable[[str, float], None]

    def get(self, intent_id: str, *, secret: str | None = None) -> Intent:
        """The intent of that id; with the client secret, if given. Refuses as if there were none."""
        intent = self.store.find(intent_id)
        if intent is None or (secret is not None and not _same(secret, intent.client_secret)):
            raise _no_such_intent()
        return intent

    def find(self, key: str) -> Intent:
        """The intent of that key. Refuses when there is none."""
        intent = self.store.find_by_key(key)
        if intent is None:
            raise _no_such_intent()
        return intent

    def create(self, key: str, asked: Asked) -> tuple[Intent, Trouble]:
        """The intent for that key: a new one, the one made before, or the tombstone that awaited it."""
        intent = self.store.find_by_key(key)
        if intent and intent.asked and intent.asked.fingerprint != asked.fingerprint:
            raise _mismatch()
        if intent is None or intent.asked is None:
            intent = replace(intent or self._new(key), asked=asked)
            self.store.put_intent(intent)
        return intent, _trouble(self._strike(faults.OF_CREATE, intent, "create"))

    def confirm(self, intent: Intent, typed: Typed) -> tuple[Intent, Trouble]:
        """The buyer gave a card. Confirmed before: nothing changes."""
        if intent.status is not State.REQUIRES_CONFIRMATION or intent.asked is None:
            return intent, NO_TROUBLE
        now_s = self.clock()
        struck = {**intent.faults, **self._strike(faults.OF_CONFIRM, intent, "confirm")}
        if flaws := self.flaws(typed):
            return self._write(intents.refuse_card(intent, flaws[0].code, faults=struck), now_s), NO_TROUBLE
        change = intents.confirm(intent, cards.look_up(typed.number), faults=struck, now_s=now_s)
        return self._write(change, now_s), _trouble_of(change)

    def flaws(self, typed: Typed) -> list[Flaw]:
        """What is wrong with what was typed, today."""
        today = datetime.fromtimestamp(self.clock(), UTC)
        return cards.flaws(typed, year=today.year, month=today.month)

    def authenticate(self, intent: Intent, *, passed: bool) -> tuple[Intent, Trouble]:
        """The buyer answered 3-D Secure. Answered before: nothing changes."""
        now_s = self.clock()
        change = intents.authenticate(intent, passed=passed, now_s=now_s)
        return self._write(change, now_s), _trouble_of(change)

    def settle(self, intent_id: str) -> None:
        """The time of a put-off decision has come."""
        self._write(intents.settle(self.get(intent_id)), self.clock())

    def cancel(self, intent: Intent) -> Intent:
        """Make sure that it cannot succeed, unless it did."""
        change = intents.cancel(intent)
        if change.event is None:
            return intent
        struck = self._strike(faults.OF_WEBHOOKS, intent, "cancel")
        return self._write(
            replace(change, intent=replace(change.intent, faults={**intent.faults, **struck})), self.clock()
        )

    def cancel_by_key(self, key: str) -> Intent:
        """The same by key. A key never seen gets a tombstone, so that a create on its way cannot come alive."""
        intent = self.store.find_by_key(key)
        if intent:
            return self.cancel(intent)
        tombstone = replace(self._new(key), status=State.CANCELLED)
        self.store.put_intent(tombstone)
        return tombstone

    def refund(self, intent: Intent, amount: int, key: str | None) -> Intent:
        """Give money back; once for each key, if there is one."""
        before = self.store.refunded_before(key) if key else None
        if before == (intent.id, amount):
            return intent
        if before:
            raise _mismatch()
        change = intents.refund(intent, amount)
        if key:
            self.store.put_refund(key, intent, amount)
        struck = self._strike(faults.OF_WEBHOOKS, intent, "refund")
        return self._write(
            replace(change, intent=replace(change.intent, faults={**intent.faults, **struck})), self.clock()
        )

    def check_outage(self, facts: Mapping[str, Any]) -> None:
        """Refuse a call when an outage strikes it."""
        for rule in faults.striking(self.store.rules, faults.OF_CALL, facts).values():
            self.store.use_rule(rule)
            raise Problem(503, "outage", "The simulator is out of order, as it was told to be.")

    def _new(self, key: str) -> Intent:
        intent_id = spell("sim", self.store.new_intent_number(), secrets.token_hex(8))
        return Intent(intent_id, key, f"{intent_id}_secret_{secrets.token_hex(16)}", self.clock(), None)

    def _strike(self, of: frozenset[str], intent: Intent, call: str) -> Faults:
        if not self.store.rules or intent.asked is None:
            return {}
        asked = intent.asked
        facts = {"call": call, "intent": intent.id, "amount": asked.amount, "currency": asked.currency}
        facts |= {
            "email": asked.email,
            "attempt": asked.metadata.get("attempt"),
            "payment": asked.metadata.get("payment"),
        }
        struck = faults.striking(self.store.rules, of, facts)
        for rule in struck.values():
            self.store.use_rule(rule)
        return {name: rule.params for name, rule in struck.items()}

    def _write(self, change: Change, now_s: float) -> Intent:
        intent = change.intent
        if change.event is None:
            return intent
        self.store.change_intent(intent)
        event_id = spell("sev", self.store.new_event_number(), secrets.token_hex(8))
        body = {
            "id": event_id,
            "type": change.event,
            "created": int(now_s),
            "data": {"intent": intents.as_json(intent)},
        }
        sending = faults.sending(change.event, intent.faults, now_s)
        self.store.put_event(event_id, intent, change.event, json.dumps(body), now_s, sending)
        if intent.later_at is not None:
            self.later(intent.id, intent.later_at)
        return intent


def _no_such_intent() -> Problem:
    return Problem(404, "intent_not_found", "There is no such intent.")


def _mismatch() -> Problem:
    return Problem(409, "idempotency_mismatch", "This Idempotency-Key was used with another body.")


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _trouble_of(change: Change) -> Trouble:
    return _trouble(change.intent.faults) if change.charged else NO_TROUBLE


def _trouble(struck: Faults) -> Trouble:
    hang_s = max((params.get("hang_s", 0) for params in struck.values()), default=0)
    return Trouble(hang_s, not _FAILS.isdisjoint(struck))
