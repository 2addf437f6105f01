"""The control API: tests, demos and benchmarks configure faults and inspect the bank. With the API key only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from checkie.providers.simulator.bank import faults
from checkie.providers.simulator.bank.bank import Bank
from checkie.providers.simulator.bank.errors import invalid
from checkie.providers.simulator.bank.ids import row_number
from checkie.providers.simulator.http.links import Links
from checkie.providers.simulator.http.messages import Request, Response, json_response, text

_MAX_LIMIT: Final = 1000
_CHARGE: Final = ("intent", "attempt", "payment", "amount", "currency", "times_charged")


@dataclass(frozen=True, slots=True)
class ControlCalls:
    """One method per call."""

    bank: Bank
    links: Links

    def add_fault(self, request: Request) -> Response:
        """POST /control/faults {"fault", "count", "match", …}: `bank/faults.py` has the table."""
        self.bank.db.insert_rule(faults.parse_rule(request.json()))
        return self.list_faults(request)

    def list_faults(self, _request: Request) -> Response:
        """GET /control/faults: those that can still apply, oldest first."""
        return json_response({"data": [rule.as_json() for rule in self.bank.db.rules]})

    def delete_faults(self, request: Request) -> Response:
        """DELETE /control/faults."""
        self.bank.db.delete_rules()
        return self.list_faults(request)

    def list_intents(self, request: Request) -> Response:
        """GET /control/intents?limit=&starting_after=: every intent, oldest first."""
        after, limit = _paging(request)
        found = self.bank.db.list_intents(after, limit + 1)
        return _page([self.links.for_server(intent) | {"key": intent.key} for intent in found], limit)

    def list_charges(self, request: Request) -> Response:
        """GET /control/charges?limit=&starting_after=: the intents that were charged, oldest first.

        `times_charged` counts every charge of the attempt, over all intents that name it. More than 1 is a bug.
        """
        after, limit = _paging(request)
        rows = self.bank.db.list_charges(after, limit + 1)
        return _page([dict(zip(_CHARGE, row, strict=True)) for row in rows], limit)

    def count_webhooks(self, _request: Request) -> Response:
        """GET /control/webhooks: how many are pending, without those that a fault loses or holds."""
        return json_response({"pending": self.bank.db.count_pending_events()})

    def resend_webhooks(self, request: Request) -> Response:
        """POST /control/webhooks/resend {"intent"}: send all its events again, lost and held ones too."""
        intent = self.bank.get(text(request.json(), "intent", max_length=64))
        return json_response({"resent": self.bank.db.resend(intent, self.bank.clock())})

    def health(self, _request: Request) -> Response:
        """GET /health: the process responds."""
        return json_response({"status": "ok"})


def _paging(request: Request) -> tuple[int, int]:
    query = request.query()
    limit = query.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= 4 and 1 <= int(limit) <= _MAX_LIMIT):
        raise invalid(f"limit must be an integer from 1 to {_MAX_LIMIT}.", param="limit")
    after = query.get("starting_after")
    if after is not None and not row_number(after):
        raise invalid("starting_after must be the id of an intent.", param="starting_after")
    return row_number(after or ""), int(limit)


def _page(rows: Sequence[dict[str, Any]], limit: int) -> Response:
    return json_response({"data": rows[:limit], "has_more": len(rows) > limit})
