"""Renders the pages: which template, with which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from checkie.catalog import Pricing
from checkie.checkout import Quote, Session
from checkie.kernel import Invalid, exponent
from checkie.kernel.ids import SessionId
from checkie.payments import PaymentStatus
from checkie.storefront.decline_messages import DeclineMessage, decline_message
from checkie.storefront.messages import Message, amount_range, attempts_left_text, field_errors, script_texts
from checkie.storefront.model import ProviderPage
from checkie.storefront.receipt import Receipt, masked
from checkie.storefront.resume import HeldSession, StorePage
from checkie.storefront.stage import IN_PROGRESS
from checkie.storefront.submit import Redisplay
from checkie.stores import Store
from checkie.ui import Document, Reader, formats, permanent_path, render, translations

SIMULATOR: Final = "simulator"
"""The provider whose test card the page names."""


@dataclass(frozen=True, slots=True)
class FormState:
    """What the form shows besides the page: the values of its fields, errors by field, and notices above it."""

    email: str = ""
    quantity: str = "1"
    amount: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    decline: DeclineMessage | None = None
    attempts_left: int = 0
    is_new_session: bool = False
    paid_path: str | None = None


def new_page(store_page: StorePage, reader: Reader, provider: ProviderPage, paid: SessionId | None = None) -> Document:
    """The page of a new session. `paid` is an earlier session of this browser that is paid.

    The documents with a form have two holes: for the session and its secret.
    """
    if paid is None:
        return _first_page(store_page, reader, provider)
    return _new_page(store_page, reader, provider, paid)


@lru_cache(maxsize=512)
def _first_page(store_page: StorePage, reader: Reader, provider: ProviderPage) -> Document:
    return _new_page(store_page, reader, provider, None)


def _new_page(store_page: StorePage, reader: Reader, provider: ProviderPage, paid: SessionId | None) -> Document:
    page = store_page.page
    quote = Quote(page.title, page.price, 1, page.pricing, page.min, page.max, page.quantity_max)
    paid_path = store_page.session_path(paid) if paid else None
    state = FormState(amount=formats.plain(quote.unit, reader.locale), paid_path=paid_path)
    return _form_page(store_page, quote, reader, provider, state, page.session_expires_s)


def held_page(held: HeldSession, reader: Reader, provider: ProviderPage, now: datetime) -> Document:
    """The page with all that was entered in its session, and the outcome of the last attempt."""
    session, payment = held.session, held.status.payment
    is_declined = payment is not None and payment.status is PaymentStatus.FAILED
    state = replace(
        _state(session, reader),
        decline=decline_message(payment.failure_code) if payment and is_declined else None,
        attempts_left=held.status.attempts_left,
    )
    return _form_page(held.store_page, session.quote, reader, provider, state, _seconds(session.expires_at, now))


def redisplayed_page(
    store_page: StorePage, redisplay: Redisplay, reader: Reader, provider: ProviderPage, now: datetime
) -> Document:
    """The page with what was just entered, and what is wrong with it."""
    session, form, refusal = redisplay.session, redisplay.form, redisplay.refusal
    state = _state(session, reader)
    state = replace(
        state,
        email=state.email if form.email is None else form.email,
        quantity=form.quantity or state.quantity,
        amount=form.amount or state.amount,
        errors=field_errors(refusal, session.quote, reader) if isinstance(refusal, Invalid) else {},
        is_new_session=redisplay.is_new_session,
    )
    return _form_page(store_page, session.quote, reader, provider, state, _seconds(session.expires_at, now))


def _state(session: Session, reader: Reader) -> FormState:
    quote = session.quote
    return FormState(session.email or "", str(quote.quantity), formats.plain(quote.unit, reader.locale))


def _seconds(until: datetime, now: datetime) -> int:
    return max(0, int((until - now).total_seconds()))


def _form_page(
    store_page: StorePage, quote: Quote, reader: Reader, provider: ProviderPage, state: FormState, expires_s: int
) -> Document:
    settings = {
        "provider": provider.name,
        "script": provider.script_url,
        "key": provider.publishable_key,
        "currency": quote.unit.currency,
        "places": exponent(quote.unit.currency),
        "each": quote.unit.minor,
        "min": quote.min.minor,
        "max": quote.max.minor,
        "separator": formats.decimal_separator(reader.locale),
        "expires": expires_s,
        "texts": script_texts(quote, reader),
    }
    pay = translations(reader.language).gettext("Pay %(amount)s")
    return _render(
        "page.html",
        reader,
        store_page.store,
        page=store_page.page,
        path=store_page.path,
        quote=quote,
        is_test=not store_page.store.livemode,
        shows_test_card=provider.name == SIMULATOR,
        picture=permanent_path(store_page.page.picture_url or "/static/picture.svg"),
        pay_text=pay % {"amount": formats.money(quote.total, reader.locale)},
        amount_range=None if quote.pricing is Pricing.FIXED else amount_range(quote, reader),
        attempts_left=attempts_left_text(state.attempts_left, reader),
        state=state,
        settings=settings,
    )


def status_page(held: HeldSession, message: Message, reader: Reader) -> Document:
    """The page of a session that is not paid and shows no form: two holes if it has buttons, else none."""
    return _render(
        "status.html",
        reader,
        held.store_page.store,
        path=held.store_page.path,
        session=held.session,
        stage=held.stage,
        is_in_progress=held.stage in IN_PROGRESS,
        message=message,
    )


def paid_page(held: HeldSession, receipt_path: str, reader: Reader) -> Document:
    """The page of a paid session, with the receipt and the link to it."""
    store, page = held.store_page.store, held.store_page.page
    receipt = Receipt.of(held.status)
    return _render(
        "paid.html",
        reader,
        store,
        page=page,
        session=held.session,
        receipt=receipt,
        email=receipt.email,
        receipt_path=receipt_path,
    )


def receipt_page(store: Store, receipt: Receipt, reader: Reader) -> Document:
    """The receipt alone, for everybody who has its link: the buyer's email address is masked."""
    return _render("receipt.html", reader, store, receipt=receipt, email=masked(receipt.email))


def _render(template: str, reader: Reader, store: Store, **values: Any) -> Document:
    return render(
        __package__, template, reader, store=store, brand=store.name, contact_email=store.support_email, **values
    )
