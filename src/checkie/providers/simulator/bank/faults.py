"""Faults on demand: what real providers do on bad days, by card number or by the control API.

| fault | what happens | parameters (default) | card |
|---|---|---|---|
| create_hangs | the intent is created; our API gets the response late or never | hang_s (30) | |
| create_fails | the intent is created; our API gets a 500 | | |
| outage | every call gets a 503 and changes nothing | | |
| confirm_hangs | the card is charged; the browser gets the response late or never | hang_s (30) | 4000 0990 0000 0012 |
| confirm_fails | the card is charged; the browser gets a 500 | | 4000 0990 0000 0020 |
| webhook_duplicated | each event is sent several times at once, under one event id | copies (3) | 4000 0990 0000 0038 |
| webhooks_reordered | requires 3-D Secure; intent.requires_action is sent last | | 4000 0990 0000 0046 |
| webhook_late | events are sent late | delay_s (3) | 4000 0990 0000 0053 |
| webhook_lost | events are never sent | | 4000 0990 0000 0061 |
| wrong_amount | the amount received differs from the amount requested | by (1) | 4000 0990 0000 0079 |
| wrong_currency | the amount is received in EUR (USD if EUR was requested) | | 4000 0990 0000 0087 |
| late_success | declined; succeeds a little later | delay_s (2) | 4000 0990 0000 0095 |
| slow_bank | processing; succeeds a little later | delay_s (2) | 4000 0990 0000 0103 |

Cards take any future expiry date and any security code. Through the control API, faults of a call (create_*, outage)
apply to that call; all others apply to the intent from the call that claims them (confirm, cancel or refund) on. A rule
has a `count` (how often it applies; null: until it is deleted) and a `match`: facts that must all be equal, of call
(create, find, cancel, refund, confirm, authenticate, page), intent, attempt, payment, amount, currency and email. A
call matches only by the facts that it carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from checkie.providers.simulator.bank.errors import invalid

Params: TypeAlias = Mapping[str, float]
Faults: TypeAlias = Mapping[str, Params]
"""The faults that apply to an intent, with their parameters."""

DEFAULTS: Final[Mapping[str, Params]] = {
    "create_hangs": {"hang_s": 30},
    "create_fails": {},
    "outage": {},
    "confirm_hangs": {"hang_s": 30},
    "confirm_fails": {},
    "webhook_duplicated": {"copies": 3},
    "webhooks_reordered": {},
    "webhook_late": {"delay_s": 3},
    "webhook_lost": {},
    "wrong_amount": {"by": 1},
    "wrong_currency": {},
    "late_success": {"delay_s": 2},
    "slow_bank": {"delay_s": 2},
}
OF_CREATE: Final = frozenset({"create_hangs", "create_fails"})
OF_CALL: Final = frozenset({"outage"})
OF_WEBHOOKS: Final = frozenset({"webhook_duplicated", "webhooks_reordered", "webhook_late", "webhook_lost"})
OF_CONFIRM: Final = frozenset(DEFAULTS) - OF_CREATE - OF_CALL
_LIMITS: Final = {"hang_s": (0, 600), "delay_s": (0, 86_400), "copies": (2, 5), "by": (-1_000_000, 1_000_000)}
_FACTS: Final = frozenset({"call", "intent", "attempt", "payment", "amount", "currency", "email"})
_FINAL_EVENTS: Final = frozenset({"intent.succeeded", "intent.declined", "intent.cancelled"})


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault configured through the control API. `remaining` None: it applies until it is deleted."""

    seq: int
    fault: str
    remaining: int | None
    match: Mapping[str, Any]
    params: Params

    def as_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"fault": self.fault, "count": self.remaining, "match": self.match, **self.params}


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an event is sent: when (None: not by itself) and how often.

    A `held` event waits until one that `releases` it is delivered.
    """

    due_at: float | None
    copies: int = 1
    held: bool = False
    releases: bool = False


def parse_rule(body: Mapping[str, Any]) -> Rule:
    """The rule in a body of the control API. Refuses an invalid one, naming the field."""
    fault, count, match = body.get("fault"), body.get("count", 1), body.get("match", {})
    if not isinstance(fault, str) or fault not in DEFAULTS:
        raise invalid(f"fault must be one of {', '.join(DEFAULTS)}.", param="fault")
    if count is not None and (type(count) is not int or not 1 <= count <= 1_000_000):
        raise invalid("count must be null (until deleted) or an integer from 1 to 1000000.", param="count")
    if not isinstance(match, dict) or not match.keys() <= _FACTS:
        raise invalid(f"match must be an object with keys of {', '.join(sorted(_FACTS))}.", param="match")
    return Rule(0, fault, count, match, _parse_params(fault, body))


def _parse_params(fault: str, body: Mapping[str, Any]) -> Params:
    given = {name: value for name, value in body.items() if name not in ("fault", "count", "match")}
    for name, value in given.items():
        if name not in DEFAULTS[fault]:
            raise invalid(f"{fault} has no parameter {name!r}.", param=name)
        low, high = _LIMITS[name]
        if type(value) not in (int, float) or not low <= value <= high:
            raise invalid(f"{name} must be a number from {low} to {high}.", param=name)
        if name in ("copies", "by") and value != int(value):
            raise invalid(f"{name} must be an integer.", param=name)
    return {**DEFAULTS[fault], **given}


def matching(rules: Iterable[Rule], of: frozenset[str], facts: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules that apply now, by fault: of these faults, matching these facts, the oldest rule of each."""
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.fault in of and all(facts.get(name) == value for name, value in rule.match.items()):
            found.setdefault(rule.fault, rule)
    return found


def delivery(event: str, faults: Faults, now_s: float) -> Delivery:
    """How an event of an intent with these faults is sent."""
    copies = int(faults.get("webhook_duplicated", {}).get("copies", 1))
    if "webhook_lost" in faults:
        return Delivery(None)
    if "webhooks_reordered" in faults and event == "intent.requires_action":
        return Delivery(None, copies, held=True)
    delay_s = faults.get("webhook_late", {}).get("delay_s", 0)
    return Delivery(now_s + delay_s, copies, releases="webhooks_reordered" in faults and event in _FINAL_EVENTS)
