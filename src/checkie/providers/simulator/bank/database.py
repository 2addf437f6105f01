"""What the simulator stores: intents, the outbox of events, refunds, and the rules of faults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checkie.providers.simulator.bank.faults import Delivery, Rule
from checkie.providers.simulator.bank.ids import row_number
from checkie.providers.simulator.bank.intents import Intent
from checkie.providers.simulator.bank.rows import SCHEMA, intent_of, intent_row
from checkie.providers.simulator.bank.sqlite import SqliteFile

_INSERT_INTENT: Final = """
insert into intent values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (seq) do update set
    amount = excluded.amount, currency = excluded.currency, description = excluded.description,
    return_url = excluded.return_url, email = excluded.email, metadata = excluded.metadata,
    fingerprint = excluded.fingerprint
"""
_UPDATE_INTENT: Final = """
update intent set status = ?, brand = ?, last4 = ?, three_d_secure = ?, declines_after_challenge = ?, failure = ?,
    charged = ?, amount_received = ?, currency_received = ?, refunded = ?, faults = ?, later_at = ?
where seq = ?
"""
_INSERT_EVENT: Final = """
insert into event (seq, id, intent_seq, name, body, created_at, due_at, copies, held, releases)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_DUE_EVENTS: Final = """
select seq, id, intent_seq, body, created_at, due_at, tries, copies, releases
from event where due_at is not null order by due_at limit ?
"""
_CHARGES: Final = """
select id, attempt, payment, amount_received, coalesce(currency_received, currency), times_charged
from (
    select *, json_extract(metadata, '$.attempt') as attempt, json_extract(metadata, '$.payment') as payment,
        sum(charged) over (partition by coalesce(json_extract(metadata, '$.attempt'), key)) as times_charged
    from intent where charged > 0
)
where seq > ? order by seq limit ?
"""


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An event in the outbox, now or later to be sent."""

    seq: int
    id: str
    intent_seq: int
    body: str
    created_at: float
    due_at: float
    tries: int
    copies: int
    releases: bool


class Database:
    """The tables in one SQLite file. Reads and writes do not wait; await `file.committed` before a response."""

    def __init__(self, path: Path) -> None:
        self.file = SqliteFile(path, SCHEMA)
        self._read, self._write = self.file.read, self.file.write
        self._last_intent: int = self._read("select coalesce(max(seq), 0) from intent").fetchone()[0]
        self._last_event: int = self._read("select coalesce(max(seq), 0) from event").fetchone()[0]
        self.rules: list[Rule] = []
        self.file.on_rollback = self._load_rules
        self._load_rules()

    def next_intent_number(self) -> int:
        """The row number of the next intent; its id holds it."""
        self._last_intent += 1
        return self._last_intent

    def next_event_number(self) -> int:
        """The row number of the next event; its id holds it."""
        self._last_event += 1
        return self._last_event

    def find(self, intent_id: str) -> Intent | None:
        """The intent of that id."""
        row = self._read("select * from intent where seq = ?", (row_number(intent_id),)).fetchone()
        return intent_of(row) if row and row[1] == intent_id else None

    def find_by_key(self, key: str) -> Intent | None:
        """The intent of that idempotency key."""
        row = self._read("select * from intent where key = ?", (key,)).fetchone()
        return intent_of(row) if row else None

    def insert_intent(self, intent: Intent) -> None:
        """Write a new intent, or the parameters of a tombstone that is created after all."""
        self._write(_INSERT_INTENT, intent_row(intent))

    def update_intent(self, intent: Intent) -> None:
        """Write the columns of an intent that can change."""
        row = intent_row(intent)
        self._write(_UPDATE_INTENT, (*row[12:], row[0]))

    def insert_event(self, event_id: str, intent: Intent, body: dict[str, Any], now_s: float, how: Delivery) -> None:
        """Write an event into the outbox."""
        event = (row_number(event_id), event_id, row_number(intent.id), body["type"], json.dumps(body), now_s)
        self._write(_INSERT_EVENT, (*event, how.due_at, how.copies, how.held, how.releases))

    def list_due(self, limit: int) -> list[DueEvent]:
        """The events to send, soonest first, including those of the future."""
        return [DueEvent(*row) for row in self._read(_DUE_EVENTS, (limit,))]

    def count_pending_events(self) -> int:
        """How many events are to be sent, now or later."""
        count: int = self._read("select count(*) from event where due_at is not null").fetchone()[0]
        return count

    def mark_delivered(self, event: DueEvent, now_s: float) -> None:
        """The event was delivered; the events that it releases become due."""
        sql = "update event set due_at = null, delivered_at = ?, tries = tries + 1 where seq = ?"
        self._write(sql, (now_s, event.seq))
        if event.releases:
            sql = "update event set due_at = ?, held = 0 where intent_seq = ? and held"
            self._write(sql, (now_s, event.intent_seq))

    def reschedule(self, event: DueEvent, due_at: float | None) -> None:
        """The event was not delivered; try again then (None: never)."""
        self._write("update event set due_at = ?, tries = tries + 1 where seq = ?", (due_at, event.seq))

    def resend(self, intent: Intent, now_s: float) -> int:
        """Send every event of the intent now, sent before or not; the number of events."""
        sql = "update event set due_at = ?, copies = 1, held = 0, tries = 0 where intent_seq = ?"
        return self._write(sql, (now_s, row_number(intent.id)))

    def find_refund(self, key: str) -> tuple[str, int] | None:
        """The intent's id and the amount of the refund with that idempotency key."""
        sql = "select i.id, r.amount from refund r join intent i on i.seq = r.intent_seq where r.key = ?"
        row: tuple[str, int] | None = self._read(sql, (key,)).fetchone()
        return row

    def insert_refund(self, key: str, intent: Intent, amount: int) -> None:
        """Write a refund under its idempotency key."""
        sql = "insert into refund (key, intent_seq, amount) values (?, ?, ?)"
        self._write(sql, (key, row_number(intent.id), amount))

    def list_unsettled(self) -> list[tuple[str, float]]:
        """The intents that the bank has still to decide on, and when."""
        return self._read("select id, later_at from intent where later_at is not null").fetchall()

    def list_intents(self, after: int, limit: int) -> list[Intent]:
        """Intents in the order of their creation, after row number `after`."""
        sql = "select * from intent where seq > ? order by seq limit ?"
        return [intent_of(row) for row in self._read(sql, (after, limit))]

    def list_charges(self, after: int, limit: int) -> list[Sequence[Any]]:
        """Charged intents, oldest first: id, attempt, payment, amount, currency, number of charges of the attempt."""
        return self._read(_CHARGES, (after, limit)).fetchall()

    def insert_rule(self, rule: Rule) -> None:
        """Add the rule of a fault."""
        row = (rule.fault, rule.remaining, json.dumps(rule.match), json.dumps(rule.params))
        self._write("insert into fault (fault, left, match, params) values (?, ?, ?, ?)", row)
        self._load_rules()

    def use_rule(self, rule: Rule) -> None:
        """The rule applied once."""
        if rule.remaining is not None:
            self._write("update fault set left = left - 1 where seq = ?", (rule.seq,))
            self._load_rules()

    def delete_rules(self) -> None:
        """Remove the rules of all faults."""
        self._write("delete from fault", ())
        self.rules = []

    def _load_rules(self) -> None:
        sql = "select seq, fault, left, match, params from fault where left is null or left > 0 order by seq"
        self.rules = [
            Rule(seq, fault, remaining, json.loads(match), json.loads(params))
            for seq, fault, remaining, match, params in self._read(sql)
        ]
