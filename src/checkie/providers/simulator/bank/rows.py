"""The simulator's tables, and how an intent becomes a row and a row an intent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from checkie.providers.simulator.bank.ids import row_number
from checkie.providers.simulator.bank.intents import Intent, IntentParams, State

SCHEMA: Final = (files(__package__) / "schema.sql").read_text("utf-8")
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
    """The intent in a row with every column: they are in the order of its fields."""
    params, status, faults = _params_of(row[_PARAMS]), State(row[12]), json.loads(row[22])
    fields: tuple[Any, ...] = (*row[1:5], params, status, *row[13:22], faults, row[23])
    return Intent(*fields)


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
