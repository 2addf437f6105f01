"""When a delivery is retried, and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkie.kernel.ids import DeliveryId, EndpointId
from checkie.webhooks.model import (
    DELIVERY,
    MAX_RETRY_AFTER,
    PAUSE,
    RETRY_DELAYS,
    Decision,
    DeliveryOver,
    NoResponse,
    Response,
    Schedule,
    Status,
    Subscriptions,
    Try,
    Verb,
    decide,
    retry_after,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DELIVERY_ID = DeliveryId.new(7, NOW)
DOWN = Response(500, "")


def attempt(number: int, schedule: Schedule = Schedule.EXPONENTIAL) -> Try:
    return Try(DELIVERY_ID, Status.RETRYING if number > 1 else Status.PENDING, number, schedule, version=1)


class TestADelivery:
    @pytest.mark.parametrize("status", [200, 201, 204, 299])
    def test_is_delivered_by_2xx(self, status: int) -> None:
        assert decide(attempt(1), Response(status, ""), NOW) == Decision(Verb.DELIVER)

    @pytest.mark.parametrize("status", [199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 502, 503, 504])
    def test_is_retried_after_anything_else(self, status: int) -> None:
        assert decide(attempt(1), Response(status, ""), NOW).verb == "retry"

    def test_is_ended_and_its_endpoint_disabled_by_410(self) -> None:
        decision = decide(attempt(1), Response(410, ""), NOW)
        assert decision.verb == "give_up"
        assert decision.disables

    def test_waits_longer_when_the_receiver_asks(self) -> None:
        for status in (429, 503):
            decision = decide(attempt(1), Response(status, "", retry_after="3600"), NOW)
            assert decision.next_retry_at == decision.paused_until == NOW + timedelta(hours=1)

    def test_never_waits_shorter_because_the_receiver_asks(self) -> None:
        assert decide(attempt(1), Response(429, "", "1"), NOW).next_retry_at == NOW + timedelta(minutes=1)

    def test_ignores_retry_after_on_other_responses(self) -> None:
        assert decide(attempt(1), Response(500, "", "3600"), NOW) == Decision(Verb.RETRY, NOW + timedelta(minutes=1))

    def test_without_a_response_pauses_the_endpoint(self) -> None:
        decision = decide(attempt(1), NoResponse("refused"), NOW)
        assert decision == Decision(Verb.RETRY, NOW + timedelta(minutes=1), paused_until=NOW + PAUSE)

    def test_fails_after_its_last_try_for_any_reason(self) -> None:
        for outcome in (DOWN, NoResponse("refused"), Response(429, "", "5")):
            assert decide(attempt(6), outcome, NOW).verb == "give_up"


class TestTheSchedule:
    def test_that_is_exponential_doubles_from_a_minute(self) -> None:
        waits = [decide(attempt(number), DOWN, NOW).next_retry_at for number in range(1, 7)]
        assert waits == [*(NOW + timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16)), None]

    def test_of_standard_webhooks_has_ten_tries_over_three_days(self) -> None:
        decisions = [decide(attempt(number, Schedule.STANDARD), DOWN, NOW) for number in range(1, 11)]
        assert [decision.verb for decision in decisions] == ["retry"] * 9 + ["give_up"]
        assert sum(RETRY_DELAYS[Schedule.STANDARD], timedelta()) == timedelta(hours=75, minutes=35, seconds=5)

    def test_spreads_its_waits_by_a_fifth_and_repeatably(self) -> None:
        wait = RETRY_DELAYS[Schedule.STANDARD][1]
        ids = [DeliveryId.new(7, NOW) for _ in range(300)]
        tries = [Try(one, Status.RETRYING, 2, Schedule.STANDARD, 1) for one in ids]
        due = [decide(one, DOWN, NOW).next_retry_at for one in tries]
        shares = [(at - NOW) / wait for at in due if at]
        assert 0.8 <= min(shares) < 0.85
        assert 1.15 < max(shares) <= 1.2
        assert due == [decide(one, DOWN, NOW).next_retry_at for one in tries]

    def test_ends_though_crashes_used_up_more_tries_than_it_has(self) -> None:
        assert decide(attempt(12, Schedule.STANDARD), DOWN, NOW).verb == "give_up"


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        ("86400", MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Sun, 01 Mar 2026 12:10:00 -0000", timedelta(minutes=10)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("Sun, 01 Mar 2099 11:00:00 GMT", MAX_RETRY_AFTER),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("١٢", None),
        ("Sun, 99 Mar 2026 99:00:00 GMT", None),
    ],
)
def test_retry_after_is_read(text: str, wait: timedelta | None) -> None:
    assert retry_after(text, NOW) == wait


def test_a_delivery_that_has_ended_does_not_change() -> None:
    for status in (Status.DELIVERED, Status.FAILED):
        for verb in Verb:
            with pytest.raises(DeliveryOver):
                DELIVERY.next(status, verb)


def test_an_event_goes_to_the_endpoints_that_name_its_type_or_all() -> None:
    named = [["*"], ["payment.completed"], ["payment.failed", "payment.completed"], ["payment.failed"]]
    endpoints = [(EndpointId.new(7, NOW), events) for events in named]
    found = Subscriptions(7, endpoints).endpoints_of("payment.completed")
    assert found == [endpoint for endpoint, _ in endpoints[:3]]
