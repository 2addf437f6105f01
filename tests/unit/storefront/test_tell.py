"""What the buyer is told, and what a browser may load."""

from __future__ import annotations

import json

import pytest

from checkie.checkout import NoSuchSession, Status
from checkie.kernel import Conflict, Refusal
from checkie.storefront.language import Reader
from checkie.storefront.live import event
from checkie.storefront.model import ProviderPage
from checkie.storefront.policy import policy
from checkie.storefront.stage import Stage
from checkie.storefront.tell import page_words, tell_flaw, tell_refusal, tell_stage
from checkie.storefront.words import why_declined
from checkie.web.caller import WrongSecret
from tests import make

ENGLISH, GERMAN = Reader("en", "en"), Reader("de", "de")
TOLD = [Stage.BEGUN, Stage.WAITING, Stage.ACTION, Stage.ASKING, Stage.UNTRUSTED, Stage.EXHAUSTED, Stage.EXPIRED]
NOTHING_YET = Status(make.session(), None, None)


class OutOfRange(Conflict):
    """Out of range."""

    code = "quantity_out_of_range"


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "pickup_card", "something_new", None])
def test_what_is_the_banks_business_is_not_told(code: str | None) -> None:
    assert why_declined(code).what == "Your bank declined the payment."


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("insufficient_funds", "There is not enough money on this card."),
        ("expired_card", "This card has expired."),
        ("incorrect_cvc", "The security code does not fit the card."),
        ("processing_error", "The bank could not process the payment just now."),
        ("authentication_failed", "Your bank could not confirm that it was you."),
    ],
)
def test_a_decline_is_told_in_plain_words(code: str, what: str) -> None:
    assert why_declined(code).what == what
    assert why_declined(code).advice


@pytest.mark.parametrize("stage", TOLD)
def test_every_stage_is_told_in_every_language(stage: Stage) -> None:
    english = tell_stage(stage, NOTHING_YET, ENGLISH)
    german = tell_stage(stage, NOTHING_YET, GERMAN)
    assert english.texts
    assert german.title != english.title
    assert [act[0] for act in german.acts] == [act[0] for act in english.acts]


@pytest.mark.parametrize("stage", [Stage.ASKING, Stage.UNTRUSTED, Stage.WAITING])
def test_nobody_is_led_to_pay_twice(stage: Stage) -> None:
    assert tell_stage(stage, NOTHING_YET, ENGLISH).acts == ()


def test_after_three_declines_the_reason_is_told() -> None:
    status = Status(make.session(), make.payment(failure_code="expired_card"), None)
    assert "This card has expired." in tell_stage(Stage.EXHAUSTED, status, ENGLISH).texts


@pytest.mark.parametrize("refusal", [NoSuchSession(), WrongSecret()])
def test_who_lacks_the_secret_learns_nothing(refusal: Refusal) -> None:
    assert tell_refusal(refusal, ENGLISH).title == "There is nothing here"


def test_a_flaw_stands_beside_its_field_with_its_numbers() -> None:
    assert tell_flaw(OutOfRange(param="quantity"), make.quote(), ENGLISH) == ("quantity", "Choose between 1 and 10.")


def test_the_scripts_words_are_json() -> None:
    assert json.loads(page_words(make.quote(), GERMAN))["pay"] == "%(amount)s zahlen"


def test_an_event_tells_the_status_and_nothing_of_the_buyer() -> None:
    told = event(Status(make.session(), make.payment(), make.attempt()), Stage.FORM)
    body = json.loads(told.removeprefix(b"data: "))
    assert told.endswith(b"\n\n")
    assert body == {"status": "OPEN", "payment": "PENDING", "attempts_left": 3, "stage": "form"}


def test_a_browser_loads_from_us_and_from_the_provider_alone() -> None:
    page = ProviderPage(
        "stripe",
        "https://js.stripe.com/v3/",
        "pk",
        script_origins=("https://*.js.stripe.com",),
        frame_origins=("https://hooks.stripe.com",),
        connect_origins=("https://api.stripe.com",),
        page_origins=("https://checkout.stripe.com",),
    )
    told = dict(directive.split(" ", 1) for directive in policy(page).split("; "))
    assert told["default-src"] == "'none'"
    assert told["script-src"] == "'self' https://js.stripe.com https://*.js.stripe.com"
    assert told["frame-src"] == "https://js.stripe.com https://hooks.stripe.com"
    assert told["connect-src"] == "'self' https://js.stripe.com https://api.stripe.com"
    assert told["form-action"] == "'self' https://checkout.stripe.com"
    assert "unsafe" not in policy(page) + policy(None)
    assert "frame-src" not in policy(None)
