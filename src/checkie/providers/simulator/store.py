"""What the simulator remembers: intents, the outbox of events, refunds and ordered faults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from checkie.providers.simulator.batch import Batches
from checkie.providers.simulator.faults import Rule, Sending
from checkie.providers.simulator.intents import Asked, Intent, State

_SCHEMA: Final = """
create table if not exists intent (
    seq integer primary key,
    id text not null,
    key text not null unique,
    client_secret text not null,
    created_at real not null,
    amount integer, currency text, description text, return_url text, email text, metadata text, fingerprint text,
    status text not null,
    brand text, last4 text,
    three_d_secure text,
    declines_after_challenge text,
    failure text,
    charged integer not null,
    amount_received integer not null,
    currency_received text,
    refunded integer not null,
    faults text not null,
    later_at real
);
create index if not exists intent_later on intent (later_at) where later_at is not null;
create table if not exists event (
    seq integer primary key,
    id text not null,
    intent_seq integer not null references intent,
    name text not null,
    body text not null,
    created_at real not null,
    due_at real,
    tries integer not null default 0,
    copies integer not null,
    held integer not null,
    releases integer not null,
    delivered_at real
);
create index if not exists event_due on event (due_at) where due_at is not null;
create index if not exists event_held on event (intent_seq) where held;
create table if not exists refund (
    key text primary key, intent_seq integer not null references intent, amount integer not null
);
create table if not exists fault (
    seq integer primary key, fault text not null, left integer, match text not null, params text not null
);
"""
_ASKED_COLUMNS: Final = 7
_PUT_INTENT: Final = """
insert into intent values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (seq) do update set
    amount = excluded.amount, currency = excluded.currency, description = excluded.description,
    return_url = excluded.return_url, email = excluded.email, metadata = excluded.metadata,
    fingerprint = excluded.fingerprint
"""
_CHANGE_INTENT: Final = """
update intent set status = ?, brand = ?, last4 = ?, three_d_secure = ?, declines_after_challenge = ?, failure = ?,
    charged = ?, amount_received = ?, currency_received = ?, refunded = ?, faults = ?, later_at = ?
where seq = ?
"""
_PUT_EVENT: Final = """
insert into event (seq, id, intent_seq, name, body, created_at, due_at, copies, held, releases)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_DUE: Final = """
select seq, id, intent_seq, body, created_at, due_at, tries, copies, releases
from event where due_at is not null order by due_at limit ?
"""
_CHARGES: Final = """
select id, attempt, payment, amount_received, coalesce(currency_received, currency), charged_in_all
from (
    select *, json_extract(metadata, '$.attempt') as attempt, json_extract(metadata, '$.payment') as payment,
        sum(charged) over (partition by coalesce(json_extract(metadata, '$.attempt'), key)) as charged_in_all
    from intent where charged > 0
)
where seq > ? order by seq limit ?
"""


@dataclass(frozen=True, slots=True)
class Due:
    """An event on its way."""

    seq: int
    id: str
    intent_seq: int
    body: str
    created_at: float
    due_at: float
    tries: int
    copies: int
    releases: bool


class Store:
    """What is in the file. Reads and writes do not wait; `batches` tells when they are safe."""

    def __init__(self, path: Path) -> None:
        self.batches = Batches(path, _SCHEMA)
        self._read, self._write = self.batches.read, self.batches.write
        self._last_intent: int = self._read("select coalesce(max(seq), 0) from intent").fetchone()[0]
        self._last_event: int = self._read("select coalesce(max(seq), 0) from event").fetchone()[0]
        self.rules: list[Rule] = []
        self.batches.rolled_back = self._read_rules
        self._read_rules()

    def new_intent_number(self) -> int:
        """The number of the next intent; its id holds it."""
        self._last_intent += 1
        return self._last_intent

    def new_event_number(self) -> int:
        """The number of the next event; its id holds it."""
        self._last_event += 1
        return self._last_event

    def find(self, intent_id: str) -> Intent | None:
        """The intent of that id."""
        row = self._read("select * from intent where seq = ?", (number_in(intent_id),)).fetchone()
        return _intent(row) if row and row[1] == intent_id else None

    def find_by_key(self, key: str) -> Intent | None:
        """The intent of that idempotency key."""
        row = self._read("select * from intent where key = ?", (key,)).fetchone()
        return _intent(row) if row else None

    def put_intent(self, intent: Intent) -> None:
        """Write a new intent, or a tombstone that now knows what was asked."""
        self._write(_PUT_INTENT, _row(intent))

    def change_intent(self, intent: Intent) -> None:
        """Write what can change about an intent."""
        row = _row(intent)
        self._write(_CHANGE_INTENT, (*row[12:], row[0]))

    def put_event(
        self, event_id: str, intent: Intent, name: str, body: str, created_at: float, sending: Sending
    ) -> None:
        """Write an event into the outbox."""
        how = (sending.due_at, sending.copies, sending.held, sending.releases)
        self._write(_PUT_EVENT, (number_in(event_id), event_id, number_in(intent.id), name, body, created_at, *how))

    def due(self, limit: int) -> list[Due]:
        """The events to send, soonest first, those of the future too."""
        return [Due(*row) for row in self._read(_DUE, (limit,))]

    def count_waiting(self) -> int:
        """How many events are on their way, now or later."""
        count: int = self._read("select count(*) from event where due_at is not null").fetchone()[0]
        return count

    def delivered(self, event: Due, now_s: float) -> None:
        """The event arrived; what waited for it may go."""
        sql = "update event set due_at = null, delivered_at = ?, tries = tries + 1 where seq = ?"
        self._write(sql, (now_s, event.seq))
        if event.releases:
            self._write(
                "update event set due_at = ?, held = 0 where intent_seq = ? and held", (now_s, event.intent_seq)
            )

    def put_off(self, event: Due, due_at: float | None) -> None:
        """The event did not arrive: try again then (None: never)."""
        self._write("update event set due_at = ?, tries = tries + 1 where seq = ?", (due_at, event.seq))

    def resend(self, intent: Intent, now_s: float) -> int:
        """Send every event of the intent (again) now; how many there are."""
        sql = "update event set due_at = ?, copies = 1, held = 0, tries = 0 where intent_seq = ?"
        return self._write(sql, (now_s, number_in(intent.id)))

    def refunded_before(self, key: str) -> tuple[str, int] | None:
        """The intent's id and the amount of the refund with that key."""
        sql = "select i.id, r.amount from refund r join intent i on i.seq = r.intent_seq where r.key = ?"
        row: tuple[str, int] | None = self._read(sql, (key,)).fetchone()
        return row

    def put_refund(self, key: str, intent: Intent, amount: int) -> None:
        """Write down a refund under its key."""
        self._write(
            "insert into refund (key, intent_seq, amount) values (?, ?, ?)", (key, number_in(intent.id), amount)
        )

    def list_later(self) -> list[tuple[str, float]]:
        """Intents that a bank is still to decide on, and when."""
        return self._read("select id, later_at from intent where later_at is not null").fetchall()

    def list_intents(self, after: int, limit: int) -> list[Intent]:
        """Intents in the order in which they were made, after number `after`."""
        sql = "select * from intent where seq > ? order by seq limit ?"
        return [_intent(row) for row in self._read(sql, (after, limit))]

    def list_charges(self, after: int, limit: int) -> list[Sequence[Any]]:
        """Charged intents, oldest first: id, attempt, payment, amount, currency, charges of the attempt in all."""
        return self._read(_CHARGES, (after, limit)).fetchall()

    def put_rule(self, rule: Rule) -> None:
        """A fault is ordered."""
        row = (rule.fault, rule.left, json.dumps(rule.match), json.dumps(rule.params))
        self._write("insert into fault (fault, left, match, params) values (?, ?, ?, ?)", row)
        self._read_rules()

    def use_rule(self, rule: Rule) -> None:
        """A fault struck once."""
        if rule.left is not None:
            self._write("update fault set left = left - 1 where seq = ?", (rule.seq,))
            self._read_rules()

    def clear_rules(self) -> None:
        """No more faults."""
        self._write("delete from fault", ())
        self.rules = []

    def _read_rules(self) -> None:
        sql = "select seq, fault, left, match, params from fault where left is null or left > 0 order by seq"
        self.rules = [
            Rule(seq, fault, left, json.loads(match), json.loads(params))
            for seq, fault, left, match, params in self._read(sql)
        ]


def spell(prefix: str, number: int, random: str) -> str:
    """An id that holds its row's number, so that a row is found without an index of its own."""
    return f"{prefix}_{number:08x}{random}"


def number_in(spelled: str) -> int:
    """The number that `spell` put in; 0, which no row has, when it is no such id."""
    digits = spelled.partition("_")[2][:8]
    try:
        return int(digits, 16)
    except ValueError:
        return 0


def _row(intent: Intent) -> tuple[object, ...]:
    """Every column, in the table's order."""
    facts = (
        *(intent.status, intent.brand, intent.last4, intent.three_d_secure, intent.declines_after_challenge),
        *(intent.failure, intent.charged, intent.amount_received, intent.currency_received, intent.refunded),
        *(json.dumps(intent.faults), intent.later_at),
    )
    known = (number_in(intent.id), intent.id, intent.key, intent.client_secret, intent.created_at)
    asked = intent.asked
    if asked is None:
        return (*known, *(None,) * _ASKED_COLUMNS, *facts)
    metadata = json.dumps(asked.metadata)
    what = (asked.amount, asked.currency, asked.description, asked.return_url, asked.email, metadata, asked.fingerprint)
    return (*known, *what, *facts)


def _intent(row: Sequence[Any]) -> Intent:
    asked = None
    if row[5] is not None:
        amount, currency, description, return_url, email, metadata, fingerprint = row[5:12]
        asked = Asked(amount, currency, description, return_url, email, json.loads(metadata), fingerprint)
    return Intent(
        id=row[1],
        key=row[2],
        client_secret=row[3],
        created_at=row[4],
        asked=asked,
        status=State(row[12]),
        brand=row[13],
        last4=row[14],
        three_d_secure=row[15],
        declines_after_challenge=row[16],
        failure=row[17],
        charged=row[18],
        amount_received=row[19],
        currency_received=row[20],
        refunded=row[21],
        faults=json.loads(row[22]),
        later_at=row[23],
    )
