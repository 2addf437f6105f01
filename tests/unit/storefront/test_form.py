"""The posted form."""

from __future__ import annotations

import pytest

from checkie.catalog import Pricing
from checkie.checkout import Changes
from checkie.kernel import Invalid, Money
from checkie.storefront.form import AmountInvalid, CheckoutForm, QuantityInvalid, changes_anything
from tests import make

SESSION = make.session()


def test_a_form_is_read() -> None:
    fields = {"session": SESSION.id, "secret": "abc", "email": " a@b.example ", "quantity": "2", "operation": "update"}
    form = CheckoutForm.of(fields)
    assert form.operation == "update"
    assert form.credential
    assert (form.credential.session, form.credential.secret) == (SESSION.id, "abc")
    assert form.changes(SESSION, "en") == Changes(email="a@b.example", quantity=2)


@pytest.mark.parametrize("fields", [{}, {"operation": "steal"}, {"operation": "", "session": ""}])
def test_an_unknown_operation_pays(fields: dict[str, str]) -> None:
    form = CheckoutForm.of(fields)
    assert form.operation == "pay"
    assert form.credential is None
    assert form.changes(SESSION, "en") == Changes()


def test_an_equal_value_is_no_change() -> None:
    form = CheckoutForm.of({"email": SESSION.email or "", "quantity": "1"})
    assert not changes_anything(form.changes(SESSION, "en"))


def test_an_amount_is_parsed_in_the_readers_locale() -> None:
    lowest, highest = Money(100, "USD"), Money(50_000, "USD")
    quote = make.quote(pricing=Pricing.PAY_WHAT_YOU_WANT, min=lowest, max=highest)
    session = make.session(quote=quote)
    assert CheckoutForm.of({"amount": "12,50"}).changes(session, "de") == Changes(amount_minor=1250)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"quantity": "two"}, QuantityInvalid),
        ({"quantity": "1.5"}, QuantityInvalid),
        ({"quantity": "9" * 9}, QuantityInvalid),
        ({"quantity": ""}, QuantityInvalid),
        ({"amount": "free"}, AmountInvalid),
    ],
)
def test_an_error_names_its_field(fields: dict[str, str], refusal: type[Invalid]) -> None:
    with pytest.raises(refusal) as caught:
        CheckoutForm.of(fields).changes(SESSION, "en")
    assert [caught.value.param] == list(fields)


def test_digits_of_every_script_are_accepted() -> None:
    assert CheckoutForm.of({"quantity": "٣"}).changes(SESSION, "ar") == Changes(quantity=3)


def test_the_operation_reopen_reopens_the_session() -> None:
    assert CheckoutForm.of({"operation": "reopen"}).changes(SESSION, "en") == Changes(reopens=True)


def test_a_secret_is_not_shown() -> None:
    assert "abc" not in repr(CheckoutForm.of({"secret": "abc"}))
