"""`checkie doctor`: check every published invariant, and name the ids of what violates it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from checkie import ledger, outbox
from checkie.app.reactions import REACTIONS
from checkie.checkout import queries as checkout
from checkie.db import Database
from checkie.orders import queries as orders
from checkie.payments import queries as payments

_LOOKS: Final = 4
_BETWEEN_S: Final = 1.5

Findings = Mapping[str, Sequence[str]]


async def examine(db: Database, *, between_s: float = _BETWEEN_S) -> Findings:
    """Each invariant with its violations.

    In a running system consequences follow a little later (a payment is paid some milliseconds before its session is
    completed), so violations are checked again, and only those that persist for some seconds are reported.
    """
    standing = await _look(db)
    for _ in range(_LOOKS):
        if not any(standing.values()):
            break
        await asyncio.sleep(between_s)
        again = await _look(db)
        standing = {name: _still(found, again[name]) for name, found in standing.items()}
    return standing


def _still(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """What violates an invariant now and did before, by its id, which precedes the colon."""
    known = {offender.partition(":")[0] for offender in before}
    return sorted(offender for offender in now if offender.partition(":")[0] in known)


async def _look(db: Database) -> dict[str, Sequence[str]]:
    return {
        **await ledger.check(db),
        **await payments.check(db),
        **await checkout.check(db),
        **await outbox.check(db, list(REACTIONS)),
        **await _agreement(db),
    }


async def _agreement(db: Database) -> dict[str, Sequence[str]]:
    """Completed session <=> succeeded payment <=> ledger transfer <=> completed order."""
    paid = await payments.paid(db)
    sessions = await checkout.completed(db)
    completed = await orders.paid(db)
    booked = await ledger.subjects(db, "payment")
    return {
        "completed_sessions_are_paid": _differ({session for _, session, _ in paid if session}, sessions),
        "completed_orders_are_paid": _differ({order for _, _, order in paid}, completed),
        "paid_payments_are_booked": _differ({str(payment.uuid) for payment, _, _ in paid}, {str(u) for u in booked}),
    }


def _differ(one: Collection[str], other: Collection[str]) -> list[str]:
    return sorted(set(one) ^ set(other))


def report(findings: Findings) -> str:
    """The findings as text."""
    lines = [f"{'ok  ' if not found else 'FAIL'} {name.replace('_', ' ')}" for name, found in findings.items()]
    offenders = [f"     {name}: {offender}" for name, found in findings.items() for offender in found[:20]]
    return "\n".join([*lines, *offenders])
