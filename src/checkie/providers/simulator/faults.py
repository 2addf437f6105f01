"""Faults on demand: what providers do on bad days, by card number or by the control API.

| fault | what happens | parameters (default) | card |
|---|---|---|---|
| create_hangs | the intent is made; our API's answer comes late or never | hang_s (30) | |
| create_fails | the intent is made; our API is answered 500 | | |
| outage | every call is answered 503 and does nothing | | |
| confirm_hangs | the card is charged; the browser's answer comes late or never | hang_s (30) | 4000 0990 0000 0012 |
| confirm_fails | the card is charged; the browser is answered 500 | | 4000 0990 0000 0020 |
| webhook_duplicated | each event is sent several times at once, under one event id | copies (3) | 4000 0990 0000 0038 |
| webhooks_reordered | asks for 3-D Secure; intent.requires_action is sent after the end | | 4000 0990 0000 0046 |
| webhook_late | events are sent late | delay_s (3) | 4000 0990 0000 0053 |
| webhook_lost | events are never sent | | 4000 0990 0000 0061 |
| wrong_amount | another amount is taken than was asked for | by (1) | 4000 0990 0000 0079 |
| wrong_currency | the amount is taken in EUR (USD if EUR was asked for) | | 4000 0990 0000 0087 |
| late_success | declined; succeeds a little later all the same | delay_s (2) | 4000 0990 0000 0095 |
| slow_bank | processing; succeeds a little later | delay_s (2) | 4000 0990 0000 0103 |

Cards take any future expiry and any CVC. By the control API, faults of a call (create_*, outage) strike that call; all
others stick to the intent from the call that claims them (confirm, cancel or refund) to its end. A rule has a `count`
(how often it strikes; null: until cleared) and a `match`: facts that must all be equal, of call (create, find, cancel,
refund, confirm, authenticate, page), intent, attempt, payment, amount, currency and email. Calls know only the facts
that came with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from checkie.providers.simulator.problem import invalid

Params: TypeAlias = Mapping[str, float]
Faults: TypeAlias = Mapping[str, Params]
"""The faults that stick to an intent, with their parameters."""

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
_ENDS: Final = frozenset({"intent.succeeded", "intent.declined", "intent.cancelled"})


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault ordered by the control API. `left` None: until cleared."""

    seq: int
    fault: str
    left: int | None
    match: Mapping[str, Any]
    params: Params

    def as_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"fault": self.fault, "count": self.left, "match": self.match, **self.params}


@dataclass(frozen=True, slots=True)
class Sending:
    """How an event goes out: when (None: not by itself), how often; whether it waits for the last, or is that."""

    due_at: float | None
    copies: int = 1
    held: bool = False
    releases: bool = False


def rule(asked: Mapping[str, Any]) -> Rule:
    """The rule that a body of the control API asks for. Refuses what makes no sense, naming the field."""
    fault, count, match = asked.get("fault"), asked.get("count", 1), asked.get("match", {})
    if not isinstance(fault, str) or fault not in DEFAULTS:
        raise invalid(f"fault is one of {', '.join(DEFAULTS)}", param="fault")
    if count is not None and (type(count) is not int or not 1 <= count <= 1_000_000):
        raise invalid("count is null (until cleared) or a whole number from 1 to 1000000", param="count")
    if not isinstance(match, dict) or not match.keys() <= _FACTS:
        raise invalid(f"match holds facts of {', '.join(sorted(_FACTS))}", param="match")
    return Rule(0, fault, count, match, _params(fault, asked))


def _params(fault: str, asked: Mapping[str, Any]) -> Params:
    given = {name: value for name, value in asked.items() if name not in ("fault", "count", "match")}
    for name, value in given.items():
        if name not in DEFAULTS[fault]:
            raise invalid(f"{fault} has no parameter {name!r}", param=name)
        low, high = _LIMITS[name]
        if type(value) not in (int, float) or not low <= value <= high:
            raise invalid(f"{name} is a number from {low} to {high}", param=name)
        if name in ("copies", "by") and value != int(value):
            raise invalid(f"{name} is a whole number", param=name)
    return {**DEFAULTS[fault], **given}


def striking(rules: Iterable[Rule], of: frozenset[str], facts: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules that strike now: of these faults, matching these facts, the oldest a fault."""
    struck: dict[str, Rule] = {}
    for each in rules:
        if each.fault in of and all(facts.get(name) == value for name, value in each.match.items()):
            struck.setdefault(each.fault, each)
    return struck


def sending(event: str, faults: Faults, now_s: float) -> Sending:
    """How the event of an intent with these faults goes out."""
    copies = int(faults.get("webhook_duplicated", {}).get("copies", 1))
    if "webhook_lost" in faults:
        return Sending(None)
    if "webhooks_reordered" in faults and event == "intent.requires_action":
        return Sending(None, copies, held=True)
    delay_s = faults.get("webhook_late", {}).get("delay_s", 0)
    return Sending(now_s + delay_s, copies, releases="webhooks_reordered" in faults and event in _ENDS)
