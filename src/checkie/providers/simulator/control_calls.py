"""How tests, demos and benchmarks steer the simulator and look into it. With the API key only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from checkie.providers.simulator import faults
from checkie.providers.simulator.bank import Bank
from checkie.providers.simulator.exchange import Reply, Request, json_reply, text
from checkie.providers.simulator.links import Links
from checkie.providers.simulator.problem import invalid
from checkie.providers.simulator.store import number_in

_LARGEST_PAGE: Final = 1000
_CHARGE: Final = ("intent", "attempt", "payment", "amount", "currency", "times_charged")


@dataclass(frozen=True, slots=True)
class ControlCalls:
    """One method a call."""

    bank: Bank
    links: Links

    def order_fault(self, request: Request) -> Reply:
        """POST /control/faults {"fault", "count", "match", …}: faults.py has the table."""
        self.bank.store.put_rule(faults.rule(request.json()))
        return self.list_faults(request)

    def list_faults(self, _request: Request) -> Reply:
        """GET /control/faults: those that can still strike, oldest first."""
        return json_reply({"data": [rule.as_json() for rule in self.bank.store.rules]})

    def clear_faults(self, request: Request) -> Reply:
        """DELETE /control/faults."""
        self.bank.store.clear_rules()
        return self.list_faults(request)

    def list_intents(self, request: Request) -> Reply:
        """GET /control/intents?limit=&starting_after=: all of them, oldest first."""
        after, limit = _paging(request)
        found = self.bank.store.list_intents(after, limit + 1)
        return _page([self.links.for_server(intent) | {"key": intent.key} for intent in found], limit)

    def list_charges(self, request: Request) -> Reply:
        """GET /control/charges?limit=&starting_after=: the intents that took money, oldest first.

        `times_charged` counts every charge of the attempt, over all intents that name it: 1, or something is wrong.
        """
        after, limit = _paging(request)
        rows = self.bank.store.list_charges(after, limit + 1)
        return _page([dict(zip(_CHARGE, row, strict=True)) for row in rows], limit)

    def count_webhooks(self, _request: Request) -> Reply:
        """GET /control/webhooks: how many are still to be taken; those lost and held are not counted."""
        return json_reply({"waiting": self.bank.store.count_waiting()})

    def resend_webhooks(self, request: Request) -> Reply:
        """POST /control/webhooks/resend {"intent"}: all its events once more, lost and held ones too."""
        intent = self.bank.get(text(request.json(), "intent", longest=64))
        return json_reply({"resent": self.bank.store.resend(intent, self.bank.clock())})

    def health(self, _request: Request) -> Reply:
        """GET /health: it answers, so it lives."""
        return json_reply({"status": "ok"})


def _paging(request: Request) -> tuple[int, int]:
    query = request.query()
    limit = query.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= 4 and 1 <= int(limit) <= _LARGEST_PAGE):
        raise invalid(f"limit is a whole number from 1 to {_LARGEST_PAGE}", param="limit")
    after = query.get("starting_after")
    if after is not None and not number_in(after):
        raise invalid("starting_after is an intent's id", param="starting_after")
    return number_in(after or ""), int(limit)


def _page(rows: Sequence[dict[str, Any]], limit: int) -> Reply:
    return json_reply({"data": rows[:limit], "has_more": len(rows) > limit})
