"""The simulator's tables, and how an intent becomes a row and a row an intent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from checkie.providers.simulator.bank.ids import row_number
from checkie.providers.simulator.bank.intents import Intent, IntentParams, State

SCHEMA: Final = """
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
_PARAMS: Final = slice(5, 12)
"""The columns of `IntentParams`, all null in a tombstone."""


def intent_row(intent: Intent) -> tuple[object, ...]:
    """Every column, in the order of the table."""
    result = (
        *(intent.status, intent.brand, intent.last4, intent.three_d_secure, intent.declines_after_challenge),
        *(intent.failure, intent.charged, intent.amount_received, intent.currency_received, intent.refunded),
        *(json.dumps(intent.faults), intent.settles_at),
    )
    identity = (row_number(intent.id), intent.id, intent.key, intent.client_secret, intent.created_at)
    return (*identity, *_params_row(intent.params), *result)


def intent_of(row: Sequence[Any]) -> Intent:
    """The intent in a row with every column."""
    return Intent(
        id=row[1],
        key=row[2],
        client_secret=row[3],
        created_at=row[4],
        params=_params_of(row[_PARAMS]),
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
        settles_at=row[23],
    )


def _params_row(params: IntentParams | None) -> tuple[object, ...]:
    if params is None:
        return (None,) * (_PARAMS.stop - _PARAMS.start)
    metadata = json.dumps(params.metadata)
    price = (params.amount, params.currency)
    return (*price, params.description, params.return_url, params.email, metadata, params.fingerprint)


def _params_of(row: Sequence[Any]) -> IntentParams | None:
    amount, currency, description, return_url, email, metadata, fingerprint = row
    if amount is None:
        return None
    return IntentParams(amount, currency, description, return_url, email, json.loads(metadata), fingerprint)
