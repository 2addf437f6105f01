"""Logs contain no secrets, and everything else unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest
from structlog.processors import JSONRenderer

from checkie.app.logs import redact
from checkie.kernel.ids import AttemptId, EventId
from tests.make import START


def line(**facts: Any) -> str:
    """The line that is written for these fields, with the renderer of `logs.configure`."""
    return str(JSONRenderer(ensure_ascii=False)(None, "info", redact(None, "info", {"event": "it", **facts})))


# Concatenated, so that scanners for leaked keys do not report them.
LIVE_KEY: Final = "sk_" + "live_51HabcDEF"
SECRETS: Final = [
    LIVE_KEY,
    "sk_test_contract0",
    "rk_" + "live_abcdefghij",
    "pk_" + "live_abcdefghij",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "pi_3Mabc_secret_DEFghi123",
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "378282246310005",
    "3782 822463 10005",
    "6011000990139424",
    "4000002760003184",
    "4222222222222",
    "6304000000000000000",
]
AROUND: Final = ["{}", "card {} was declined", '{{"number": "{}"}}', "number={}", "{}."]


class TestASecretInAText:
    @pytest.mark.parametrize("around", AROUND)
    @pytest.mark.parametrize("secret", SECRETS)
    def test_is_masked(self, secret: str, around: str) -> None:
        shown = line(message=around.format(secret))
        assert secret not in shown
        assert "[redacted]" in shown

    @pytest.mark.parametrize(
        "text",
        [
            "Authorization: Bearer abc.def-ghi_jkl",
            "bearer hunter2hunter2",
            "postgresql://checkie:hunter2@db.example/checkie",
            "postgres://checkie:hunter2@db.example:5432/x could not be reached",
        ],
    )
    def test_of_a_known_form_is_masked(self, text: str) -> None:
        shown = line(message=text)
        assert "hunter2" not in shown
        assert "abc.def" not in shown

    def test_is_masked_at_any_depth(self) -> None:
        number = "4242424242424242"
        shown = line(deep={"list": [{"text": f"n {number}"}, (f"t {number}",)]}, event_text=number)
        assert number not in shown

    @pytest.mark.parametrize(
        "value",
        [
            b'{"number": "4242424242424242"}',
            ValueError(f"{LIVE_KEY} is not valid"),
            {"4242424242424242"},
            frozenset({"4242424242424242"}),
            {"4242424242424242": "a key"},
            iter(["4242424242424242"]),
        ],
        ids=["bytes", "exception", "set", "frozenset", "key", "other"],
    )
    def test_is_masked_in_values_of_every_type(self, value: Any) -> None:
        """The renderer turns other types into text after redaction."""
        shown = line(value=value)
        assert "4242424242424242" not in shown
        assert LIVE_KEY not in shown


class TestASecretByName:
    @pytest.mark.parametrize(
        "name",
        [
            "client_secret",
            "password",
            "Authorization",
            "api_key",
            "apikey",
            "access_token",
            "set-cookie",
            "cvc",
            "cvv",
            "card_number",
            "signature",
            "private_key",
        ],
    )
    def test_is_masked_at_any_depth(self, name: str) -> None:
        for facts in ({name: "hunter2"}, {"headers": {name: "hunter2"}}, {"rows": [{name: {"inside": "hunter2"}}]}):
            assert "hunter2" not in line(**facts)


def ids() -> Iterable[str]:
    for number in range(50):
        yield str(AttemptId.new(number * 7919, START))
        yield str(EventId.new(number * 7919, START).uuid)


class TestALongText:
    def test_is_searched_in_linear_time(self) -> None:
        """A megabyte in one word: a pattern that starts again at each letter would take minutes."""
        assert "a" * 1_000 in line(text="a" * 1_000_000)


class TestOtherValues:
    @pytest.mark.parametrize(
        "value",
        [
            2599,
            10**15,
            0.25,
            True,
            None,
            "2026-03-01T12:00:00.123456Z",
            "2026-03-01 12:00:00+00:00",
            "127.0.0.1:54321",
            "req_0123456789ab0123456789ab",
            "payment.completed",
            "/api/widget/sessions/{session_id}",
            "$1,234.56",
            "99999999999999 USD"[2:],  # 12 digits
            "019ca945-0a00-8404-8000-000b98a6b176",
            "01981234-5678-8123-9234-123456789012",
            "01981234-5678-8123-a234-123456789012",
            "att_01kjmma2g0gav800000rmwa1p4",
            "att_01000000000000000000000000",
        ],
        ids=str,
    )
    def test_are_unchanged(self, value: Any) -> None:
        assert redact(None, "info", {"value": value, "texts": [value]}) == {"value": value, "texts": [value]}

    def test_ids_are_unchanged(self) -> None:
        for found in ids():
            assert found in line(attempt=found, text=f"about {found}, that")

    @pytest.mark.parametrize(
        "name", ["amount", "attempt", "payment", "request_id", "idempotency", "event", "route", "ms"]
    )
    def test_names_that_are_not_secret_are_unchanged(self, name: str) -> None:
        assert redact(None, "info", {name: "value-of-it-is-here"}) == {name: "value-of-it-is-here"}
