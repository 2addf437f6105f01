"""What the checkout pages say."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from checkie.checkout import Status
from checkie.kernel import Invalid, Refusal
from checkie.storefront.decline_messages import decline_message
from checkie.storefront.messages import (
    FIELD_ERRORS,
    PROBLEMS,
    attempts_left_text,
    field_errors,
    script_texts,
    stage_message,
)
from checkie.storefront.model import PageWithoutProvider
from checkie.storefront.stage import Stage
from checkie.storefront.stream import as_event, as_json
from checkie.storefront.submit import EXPIRED, SHOWN_BY_SESSION
from checkie.ui import Reader
from tests import make

ENGLISH, GERMAN = Reader("en", "en"), Reader("de", "de")
STAGES = [stage for stage in Stage if stage not in (Stage.FORM, Stage.PAID)]
OPEN = Status(make.session(), None, None)


class OutOfRange(Invalid):
    """Out of range."""

    code = "quantity_out_of_range"


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from refusals(subclass)


def test_every_code_is_that_of_a_refusal() -> None:
    known = {refusal.code for refusal in refusals()}
    assert PageWithoutProvider.code in PROBLEMS
    assert {EXPIRED, *SHOWN_BY_SESSION, *PROBLEMS, *FIELD_ERRORS} - known == set()


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "pickup_card", "something_new", None])
def test_a_suspicious_card_is_only_declined(code: str | None) -> None:
    assert decline_message(code).reason == "Your card was declined."


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("insufficient_funds", "Your card has insufficient funds."),
        ("expired_card", "Your card has expired."),
        ("incorrect_cvc", "Your card's security code is incorrect."),
        ("processing_error", "Your bank could not process the payment."),
        ("authentication_failed", "Your bank could not verify your identity."),
    ],
)
def test_a_decline_has_a_reason_and_advice(code: str, reason: str) -> None:
    assert decline_message(code).reason == reason
    assert decline_message(code).advice


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_message_in_every_language(stage: Stage) -> None:
    english = stage_message(stage, OPEN, ENGLISH)
    german = stage_message(stage, OPEN, GERMAN)
    assert english.texts
    assert german.title != english.title
    assert [button[0] for button in german.buttons] == [button[0] for button in english.buttons]


@pytest.mark.parametrize("stage", [Stage.UNKNOWN, Stage.UNDER_REVIEW, Stage.PROCESSING])
def test_a_payment_that_may_have_succeeded_offers_no_button_to_pay(stage: Stage) -> None:
    assert stage_message(stage, OPEN, ENGLISH).buttons == ()


def test_a_failed_session_shows_the_reason_of_the_last_decline() -> None:
    status = Status(make.session(), make.payment(failure_code="expired_card"), None)
    assert "Your card has expired." in stage_message(Stage.FAILED, status, ENGLISH).texts


def test_an_error_is_shown_beside_its_field_with_its_limits() -> None:
    errors = field_errors(OutOfRange(param="quantity"), make.quote(), ENGLISH)
    assert errors == {"quantity": "Enter a quantity from 1 to 10."}


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        ("en", 1, "You have 1 attempt left."),
        ("en", 2, "You have 2 attempts left."),
        ("de", 2, "Sie haben noch 2 Versuche."),
        ("ar", 2, "تبقّت لك محاولتان."),
        ("en", 0, ""),
    ],
)
def test_the_attempts_left_are_in_the_right_plural_form(language: str, count: int, text: str) -> None:
    assert attempts_left_text(count, Reader(language, language)) == text


def test_the_scripts_texts_are_json() -> None:
    assert json.loads(script_texts(make.quote(), GERMAN))["pay"] == "%(amount)s zahlen"


def test_a_status_event_says_nothing_about_the_buyer() -> None:
    event = as_event(as_json(Status(make.session(), make.payment(), make.attempt()), Stage.FORM))
    body = json.loads(event.removeprefix(b"data: "))
    assert event.endswith(b"\n\n")
    assert body == {"status": "OPEN", "payment": "PENDING", "attempts_left": 3, "stage": "form"}
