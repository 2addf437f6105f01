"""The posted form."""

from __future__ import annotations

import pytest

from checkie.catalog import Pricing
from checkie.checkout import Changes
from checkie.kernel import Invalid, Money
from checkie.storefront.form import AmountUnreadable, Form, QuantityUnreadable, changes_anything
from tests import make

SESSION = make.session()


def test_a_form_is_read() -> None:
    form = Form.parse(f"session={SESSION.id}&secret=abc&email=+a%40b.example+&quantity=2&do=update".encode())
    assert form.verb == "update"
    assert form.ticket
    assert (form.ticket.session, form.ticket.secret) == (SESSION.id, "abc")
    assert form.changes(SESSION, "en") == Changes(email="a@b.example", quantity=2)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&".join([b"a=1"] * 1000), b"do=%00&session=%00", b"do=steal"])
def test_what_cannot_be_read_counts_as_left_out(body: bytes) -> None:
    form = Form.parse(body)
    assert form.verb == "pay"
    assert form.ticket is None
    assert form.changes(SESSION, "en") == Changes()


def test_what_is_as_it_was_is_no_change() -> None:
    form = Form.of({"email": SESSION.email or "", "quantity": "1"})
    assert not changes_anything(form.changes(SESSION, "en"))


def test_an_amount_is_read_as_the_reader_writes_it() -> None:
    lowest, highest = Money(100, "USD"), Money(50_000, "USD")
    quote = make.quote(pricing=Pricing.PAY_WHAT_YOU_WANT, min=lowest, max=highest)
    session = make.session(quote=quote)
    assert Form.of({"amount": "12,50"}).changes(session, "de") == Changes(amount_minor=1250)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"quantity": "two"}, QuantityUnreadable),
        ({"quantity": "1.5"}, QuantityUnreadable),
        ({"quantity": "9" * 9}, QuantityUnreadable),
        ({"quantity": ""}, QuantityUnreadable),
        ({"amount": "free"}, AmountUnreadable),
    ],
)
def test_a_flaw_names_its_field(fields: dict[str, str], refusal: type[Invalid]) -> None:
    with pytest.raises(refusal) as caught:
        Form.of(fields).changes(SESSION, "en")
    assert [caught.value.param] == list(fields)


def test_digits_of_every_script_count() -> None:
    assert Form.of({"quantity": "٣"}).changes(SESSION, "ar") == Changes(quantity=3)


def test_another_card_opens_the_session_again() -> None:
    assert Form.of({"do": "reopen"}).changes(SESSION, "en") == Changes(reopens=True)


def test_a_secret_is_not_shown() -> None:
    assert "abc" not in repr(Form.of({"secret": "abc"}))
