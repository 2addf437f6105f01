"""When a delivery is tried again, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkie.kernel.ids import DeliveryId, EventId
from checkie.webhooks.enqueue import Item, body
from checkie.webhooks.model import (
    DELIVERY,
    LONGEST_RETRY_AFTER,
    QUIET,
    WAITS,
    Answered,
    DeliveryOver,
    NoAnswer,
    Schedule,
    Status,
    Try,
    Verdict,
    judge,
    retry_after,
    wants,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DELIVERY_ID = DeliveryId.new(7, NOW)
DOWN = Answered(500, "")


def attempt(number: int, schedule: Schedule = Schedule.SEED) -> Try:
    return Try(DELIVERY_ID, Status.RETRYING if number > 1 else Status.PENDING, number, schedule)


class TestADelivery:
    @pytest.mark.parametrize("status", [200, 201, 204, 299])
    def test_is_delivered_by_2xx(self, status: int) -> None:
        assert judge(attempt(1), Answered(status, ""), NOW) == Verdict("deliver")

    @pytest.mark.parametrize("status", [199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 502, 503, 504])
    def test_is_tried_again_after_anything_else(self, status: int) -> None:
        assert judge(attempt(1), Answered(status, ""), NOW).verb == "retry"

    def test_is_over_and_its_endpoint_disabled_by_410(self) -> None:
        verdict = judge(attempt(1), Answered(410, ""), NOW)
        assert verdict.verb == "give_up"
        assert verdict.disables

    def test_waits_longer_when_the_receiver_asks(self) -> None:
        for status in (429, 503):
            verdict = judge(attempt(1), Answered(status, "", retry_after="3600"), NOW)
            assert verdict.next_retry_at == verdict.quiet_until == NOW + timedelta(hours=1)

    def test_never_waits_shorter_because_the_receiver_asks(self) -> None:
        assert judge(attempt(1), Answered(429, "", "1"), NOW).next_retry_at == NOW + timedelta(minutes=1)

    def test_ignores_retry_after_on_other_answers(self) -> None:
        assert judge(attempt(1), Answered(500, "", "3600"), NOW) == Verdict("retry", NOW + timedelta(minutes=1))

    def test_without_answer_leaves_the_endpoint_alone_for_a_while(self) -> None:
        verdict = judge(attempt(1), NoAnswer("refused"), NOW)
        assert verdict == Verdict("retry", NOW + timedelta(minutes=1), quiet_until=NOW + QUIET)

    def test_is_given_up_after_its_last_try_whatever_the_reason(self) -> None:
        for answer in (DOWN, NoAnswer("refused"), Answered(429, "", "5")):
            assert judge(attempt(6), answer, NOW).verb == "give_up"


class TestTheSchedule:
    def test_of_seed_2_doubles_from_a_minute(self) -> None:
        waits = [judge(attempt(number), DOWN, NOW).next_retry_at for number in range(1, 7)]
        assert waits == [*(NOW + timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16)), None]

    def test_of_standard_webhooks_has_ten_tries_over_three_days(self) -> None:
        verdicts = [judge(attempt(number, Schedule.STANDARD), DOWN, NOW) for number in range(1, 11)]
        assert [verdict.verb for verdict in verdicts] == ["retry"] * 9 + ["give_up"]
        assert sum(WAITS[Schedule.STANDARD], timedelta()) == timedelta(hours=75, minutes=35, seconds=5)

    def test_spreads_its_waits_by_a_fifth_and_repeatably(self) -> None:
        wait = WAITS[Schedule.STANDARD][1]
        ids = [DeliveryId.new(7, NOW) for _ in range(300)]
        tries = [Try(one, Status.RETRYING, 2, Schedule.STANDARD) for one in ids]
        due = [judge(one, DOWN, NOW).next_retry_at for one in tries]
        shares = [(at - NOW) / wait for at in due if at]
        assert 0.8 <= min(shares) < 0.85
        assert 1.15 < max(shares) <= 1.2
        assert due == [judge(one, DOWN, NOW).next_retry_at for one in tries]

    def test_goes_on_giving_up_when_a_crash_cost_it_count(self) -> None:
        assert judge(attempt(12, Schedule.STANDARD), DOWN, NOW).verb == "give_up"


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        ("86400", LONGEST_RETRY_AFTER),
        ("9" * 5000, LONGEST_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Sun, 01 Mar 2026 12:10:00 -0000", timedelta(minutes=10)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("Sun, 01 Mar 2099 11:00:00 GMT", LONGEST_RETRY_AFTER),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("١٢", None),
        ("Sun, 99 Mar 2026 99:00:00 GMT", None),
    ],
)
def test_retry_after_is_read(text: str, wait: timedelta | None) -> None:
    assert retry_after(text, NOW) == wait


def test_a_delivery_that_is_over_moves_no_more() -> None:
    for status in (Status.DELIVERED, Status.FAILED):
        for verb in ("deliver", "retry", "give_up"):
            with pytest.raises(DeliveryOver):
                DELIVERY.next(status, verb)


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        (["*"], True),
        (["payment.completed"], True),
        (["payment.failed", "payment.completed"], True),
        (["payment.failed"], False),
    ],
)
def test_an_endpoint_hears_what_it_named(events: list[str], wanted: bool) -> None:
    assert wants(events, "payment.completed") is wanted


def test_a_body_is_ascii_json_with_the_events_own_id_and_time() -> None:
    event = EventId.new(7, NOW)
    data = {"name": "Zoë \x00\ud800"}
    text = body(
        Item(store_id="sto_1", event_id=event.uuid, type="customer.created", data=data, at=NOW, resource="cus_1")
    )
    assert text == (
        f'{{"id":"{event}","type":"customer.created","timestamp":"2026-03-01T12:00:00.000Z","store":"sto_1",'
        '"data":{"name":"Zo\\u00eb \\u0000\\ud800"}}'
    )
