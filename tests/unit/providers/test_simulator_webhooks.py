"""The simulator's webhooks: their signature, their retries, and how the adapter translates them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from checkie.kernel import Money
from checkie.kernel.ids import AttemptId
from checkie.payments.port import (
    Action,
    ActionNeeded,
    Approved,
    BadSignature,
    Cancelled,
    Declined,
    InProgress,
    Notice,
    Refunded,
)
from checkie.providers.simulator import Simulator
from checkie.providers.simulator.bank.database import DueEvent
from checkie.providers.simulator.bank.ids import format_id, row_number
from checkie.providers.simulator.bank.webhooks import GIVE_UP_AFTER_S, RETRY_AFTER_S, retry_at
from checkie.providers.simulator.signature import sign

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
KEY = AttemptId.new(7, NOW)
SECRET = "whsec"
SIMULATOR = Simulator("http://127.0.0.1:1", "key", SECRET)


def body(kind: str = "intent.succeeded", **facts: Any) -> bytes:
    intent = {
        "id": "sim_1",
        "status": "succeeded",
        "amount": 2599,
        "currency": "USD",
        "amount_received": 2599,
        "failure": None,
        "card": {"brand": "visa", "last4": "4242"},
        "three_d_secure": "passed",
        "refunded": 0,
        "metadata": {"attempt": KEY, "payment": "pay_1"},
        **facts,
    }
    return json.dumps({"id": "sev_1", "type": kind, "created": NOW_S, "data": {"intent": intent}}).encode()


def translated(raw: bytes, header: str | None = None, now_s: float = NOW_S) -> Notice | None:
    given = sign(SECRET, NOW_S, raw) if header is None else header
    return SIMULATOR.translate(raw, {"simulator-signature": given}, now_s)


class TestTranslate:
    @pytest.mark.parametrize(
        ("raw", "outcome"),
        [
            (
                body(),
                Approved("sim_1", Money(2599, "USD"), {"brand": "visa", "last4": "4242", "three_d_secure": "passed"}),
            ),
            (body(amount_received=2600, card=None, three_d_secure=None), Approved("sim_1", Money(2600, "USD"))),
            (body(status="requires_action"), ActionNeeded("sim_1", Action.AUTHENTICATE, "")),
            (body(status="processing"), InProgress("sim_1")),
            (body(status="declined", failure={"code": "c", "message": "m"}), Declined("sim_1", "c", "m")),
            (body(status="cancelled"), Cancelled("sim_1")),
            (body("intent.refunded", refunded=99), Refunded("sim_1", Money(99, "USD"))),
        ],
    )
    def test_returns_the_outcome(self, raw: bytes, outcome: Any) -> None:
        assert translated(raw) == Notice("sev_1", KEY, outcome)

    @pytest.mark.parametrize(
        "facts",
        [
            {"metadata": {}},
            {"metadata": None},
            {"metadata": {"attempt": "order-17"}},
            {"metadata": {"attempt": 5}},
            {"status": "unheard_of"},
            {"amount_received": "2599"},
            {"currency": "XXX"},
            {"status": "declined", "failure": None},
        ],
    )
    def test_returns_none_for_an_invalid_intent_or_one_that_is_not_ours(self, facts: dict[str, Any]) -> None:
        assert translated(body(**facts)) is None


class TestTheSignature:
    def test_is_valid_for_five_minutes_before_and_after(self) -> None:
        assert translated(body(), now_s=NOW_S + 300)
        assert translated(body(), now_s=NOW_S - 300)
        for offset in (301, -301):
            with pytest.raises(BadSignature):
                translated(body(), now_s=NOW_S + offset)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "t=,v1=",
            f"t={NOW_S}",
            f"t={NOW_S},v1=",
            f"t={NOW_S},v1=é",
            "t=x,v1=00",
            f"t={NOW_S},v1={'0' * 64}",
            sign("another", NOW_S, body()),
            sign(SECRET, NOW_S, body() + b" "),
            sign(SECRET, NOW_S, body()).replace(str(NOW_S), str(NOW_S + 1)),
        ],
    )
    def test_is_refused_when_it_is_invalid(self, header: str) -> None:
        with pytest.raises(BadSignature):
            translated(body(), header)

    def test_is_required(self) -> None:
        with pytest.raises(BadSignature):
            SIMULATOR.translate(body(), {}, NOW_S)


class TestRetries:
    def due(self, tries: int, created_at: float = NOW_S) -> DueEvent:
        return DueEvent(1, "sev_1", 1, "", created_at, NOW_S, tries, 1, releases=False)

    def test_follow_the_schedule_and_repeat_its_last_delay(self) -> None:
        delays = [(retry_at(self.due(tries), NOW_S) or 0) - NOW_S for tries in range(len(RETRY_AFTER_S) + 3)]
        assert delays == pytest.approx([*RETRY_AFTER_S, *[RETRY_AFTER_S[-1]] * 3])
        assert RETRY_AFTER_S[:5] == (0.2, 1, 5, 30, 120)

    def test_end_after_three_days(self) -> None:
        assert retry_at(self.due(40, NOW_S - GIVE_UP_AFTER_S + 1), NOW_S) is not None
        assert retry_at(self.due(40, NOW_S - GIVE_UP_AFTER_S - 1), NOW_S) is None


class TestIds:
    def test_hold_their_row_number(self) -> None:
        assert row_number(format_id("sim", 4_000_000_000, "deadbeef")) == 4_000_000_000

    @pytest.mark.parametrize("text", ["", "sim_", "sim", "sim_zzzzzzzzdeadbeef", "x"])
    def test_of_another_form_have_no_row_number(self, text: str) -> None:
        assert row_number(text) == 0
