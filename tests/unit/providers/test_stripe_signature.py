"""Stripe's webhook signature, checked against signatures that the SDK generates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from checkie.payments.port import BadSignature
from checkie.providers.stripe import signature

SECRET, BODY, SIGNED_AT = "whsec_1", '{"id": "evt_1"}', 1_767_225_600


def header(body: str = BODY, secret: str = SECRET) -> str:
    generated: str = WebhookSignature.generate_signature_header(body, secret, SIGNED_AT)
    return generated


@given(st.text(st.characters(codec="utf-8")))
def test_a_signature_of_the_sdk_is_valid(body: str) -> None:
    signature.verify(body.encode(), header(body), SECRET, SIGNED_AT)


@pytest.mark.parametrize("age_s", [0, 299, 300, -300])
def test_a_signature_is_valid_for_five_minutes_before_and_after(age_s: int) -> None:
    signature.verify(BODY.encode(), header(), SECRET, SIGNED_AT + age_s)


@pytest.mark.parametrize("age_s", [301, 86_400, -301])
def test_an_old_signature_is_refused(age_s: int) -> None:
    with pytest.raises(BadSignature):
        signature.verify(BODY.encode(), header(), SECRET, SIGNED_AT + age_s)


def test_one_valid_signature_among_several_is_enough() -> None:
    time, good = header().split(",")
    rotating = f"{time},v1={'0' * 64},{good},v0=abc"
    signature.verify(BODY.encode(), rotating, SECRET, SIGNED_AT)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "invalid",
        f"t={SIGNED_AT}",
        header().split(",")[1],
        header().replace("v1=", "v0="),
        header().replace("v1=", "v1"),
        header().replace(f"t={SIGNED_AT}", "t="),
        header().replace(f"t={SIGNED_AT}", f"t={SIGNED_AT}.5"),
        header().replace(f"t={SIGNED_AT}", f"t={SIGNED_AT + 1}"),
        header().replace("t=", "t=1,t="),
        header().replace(f"t={SIGNED_AT}", "t=" + "9" * 5000),
        header(secret="whsec_2"),
        header(body='{"id": "evt_2"}'),
        f"t={SIGNED_AT},v1=é\udc80",
    ],
)
def test_anything_else_is_refused(bad: str | None) -> None:
    with pytest.raises(BadSignature):
        signature.verify(BODY.encode(), bad, SECRET, SIGNED_AT)


@given(st.text(), st.binary())
def test_any_other_header_and_body_are_refused(sent: str, body: bytes) -> None:
    with pytest.raises(BadSignature):
        signature.verify(body, sent, SECRET, SIGNED_AT)
