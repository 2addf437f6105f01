"""Renders the pages: which template, and what it needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from checkie.catalog import Pricing
from checkie.checkout import Quote, Session
from checkie.kernel import Money, exponent
from checkie.kernel.ids import SessionId
from checkie.payments import PaymentStatus
from checkie.storefront import formats
from checkie.storefront.assets import asset_path, lasting
from checkie.storefront.document import HOLE, Document
from checkie.storefront.language import LANGUAGES, Reader, translations
from checkie.storefront.model import ProviderPage
from checkie.storefront.stage import UNDER_WAY
from checkie.storefront.submit import Mend
from checkie.storefront.tell import Message, page_words, tell_flaw, tries_left
from checkie.storefront.visit import Back, Place
from checkie.storefront.words import BRANDS, DeclineMessage, why_declined
from checkie.stores import Store

SIMULATOR: Final = "simulator"
"""The provider that moves no money, which the page says."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the form shows beside the page's own: what was typed, what is wrong by field, what to tell at the top."""

    email: str = ""
    quantity: str = "1"
    amount: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    told: DeclineMessage | None = None
    attempts_left: int = 0
    is_renewed: bool = False
    paid_path: str | None = None


def fresh_page(place: Place, reader: Reader, provider: ProviderPage, paid: SessionId | None = None) -> Document:
    """The page as a buyer sees it first; with a word on what this browser has bought here before, if it has.

    The documents with a form have two holes: for the session and its secret.
    """
    return _first_page(place, reader, provider) if paid is None else _new_page(place, reader, provider, paid)


@lru_cache(maxsize=512)
def _first_page(place: Place, reader: Reader, provider: ProviderPage) -> Document:
    return _new_page(place, reader, provider, None)


def _new_page(place: Place, reader: Reader, provider: ProviderPage, paid: SessionId | None) -> Document:
    page = place.page
    quote = Quote(page.title, page.price, 1, page.pricing, page.min, page.max, page.quantity_max)
    paid_path = place.session_path(paid) if paid else None
    shown = Shown(amount=formats.plain(quote.unit, reader.locale), paid_path=paid_path)
    return _form_page(place, quote, reader, provider, shown, page.session_expires_s)


def back_page(back: Back, reader: Reader, provider: ProviderPage, now: datetime) -> Document:
    """The page with all that was typed into its session, and what became of the last attempt."""
    session, payment = back.session, back.status.payment
    is_declined = payment is not None and payment.status is PaymentStatus.FAILED
    shown = replace(
        _shown(session, reader),
        told=why_declined(payment.failure_code) if payment and is_declined else None,
        attempts_left=back.status.attempts_left,
    )
    return _form_page(back.place, session.quote, reader, provider, shown, _seconds(session.expires_at, now))


def mend_page(place: Place, mend: Mend, reader: Reader, provider: ProviderPage, now: datetime) -> Document:
    """The page with what was typed just now, and what is wrong with it."""
    session, form = mend.session, mend.form
    shown = _shown(session, reader)
    shown = replace(
        shown,
        email=shown.email if form.email is None else form.email,
        quantity=form.quantity or shown.quantity,
        amount=form.amount or shown.amount,
        errors={} if mend.is_renewed else dict([tell_flaw(mend.refusal, session.quote, reader)]),
        is_renewed=mend.is_renewed,
    )
    return _form_page(place, session.quote, reader, provider, shown, _seconds(session.expires_at, now))


def _shown(session: Session, reader: Reader) -> Shown:
    quote = session.quote
    return Shown(session.email or "", str(quote.quantity), formats.plain(quote.unit, reader.locale))


def _seconds(until: datetime, now: datetime) -> int:
    return max(0, int((until - now).total_seconds()))


def _form_page(
    place: Place, quote: Quote, reader: Reader, provider: ProviderPage, shown: Shown, expires_s: int
) -> Document:
    say = translations(reader.language).gettext
    money = partial(formats.money, locale=reader.locale)
    facts = {
        "provider": provider.name,
        "script": provider.script_url,
        "key": provider.publishable_key,
        "currency": quote.unit.currency,
        "places": exponent(quote.unit.currency),
        "each": quote.unit.minor,
        "min": quote.min.minor,
        "max": quote.max.minor,
        "mark": formats.decimal_mark(reader.locale),
        "expires": expires_s,
        "words": page_words(quote, reader),
    }
    return _render(
        "page.html",
        reader,
        place.store,
        page=place.page,
        path=place.path,
        quote=quote,
        provider=provider,
        is_test=provider.name == SIMULATOR,
        picture=lasting(place.page.picture_url or "/static/picture.svg"),
        pay_text=say("Pay %(amount)s") % {"amount": money(quote.total)},
        amount_range=_range(quote, reader),
        tries_left=tries_left(shown.attempts_left, reader),
        shown=shown,
        facts=facts,
    )


def state_page(back: Back, message: Message, reader: Reader) -> Document:
    """What a session shows that is not paid and takes no input: two holes if there is something to do, else none."""
    return _render(
        "state.html",
        reader,
        back.place.store,
        path=back.place.path,
        session=back.session,
        stage=back.stage,
        is_under_way=back.stage in UNDER_WAY,
        title=message.title,
        texts=message.texts,
        acts=message.acts,
        kind=message.kind,
        sign=message.sign,
        reference=back.session.payment,
    )


def paid_page(back: Back, reader: Reader) -> Document:
    """The thank-you page, which is the receipt."""
    attempt, payment = back.status.attempt, back.status.payment
    facts = attempt.facts if attempt and attempt.is_applied else {}  # an earlier attempt may have succeeded late
    refunded = Money(payment.refunded_minor, payment.amount.currency) if payment and payment.refunded_minor else None
    return _render(
        "paid.html",
        reader,
        back.place.store,
        page=back.place.page,
        session=back.session,
        quote=back.session.quote,
        card=_card(facts),
        refunded=refunded,
        paid_at=_begun_at(back),
    )


def problem_page(message: Message, reader: Reader, request_id: str | None = None) -> Document:
    """The page of something that is not there, or that failed."""
    facts = {"title": message.title, "texts": message.texts, "sign": message.sign, "request_id": request_id}
    return _render("problem.html", reader, None, **facts)


def parts_page(reader: Reader) -> Document:
    """Every part in all its states, for whoever works on them."""
    return _render("dev.html", reader, None)


def _render(template: str, reader: Reader, store: Store | None, **facts: Any) -> Document:
    words = translations(reader.language)
    text = (
        _templates()
        .get_template(template)
        .render(
            reader=reader,
            store=store,
            languages=LANGUAGES,
            hole=HOLE,
            asset=asset_path,
            money=partial(formats.money, locale=reader.locale),
            day=partial(formats.day, locale=reader.locale),
            _=words.gettext,
            ngettext=words.ngettext,
            **facts,
        )
    )
    return Document.of(text)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _range(quote: Quote, reader: Reader) -> str | None:
    if quote.pricing is Pricing.FIXED:
        return None
    facts = {"min": formats.money(quote.min, reader.locale), "max": formats.money(quote.max, reader.locale)}
    return translations(reader.language).gettext("Between %(min)s and %(max)s.") % facts


def _card(facts: Mapping[str, str]) -> str | None:
    brand, last4 = facts.get("brand", ""), facts.get("last4")
    return f"{BRANDS.get(brand, brand.title())} ···· {last4}".strip() if last4 else None


def _begun_at(back: Back) -> datetime:
    """When paying began, by the id of the attempt that paid, or else of the payment: ids tell (see kernel.Id)."""
    attempt, payment = back.status.attempt, back.session.payment
    paid = attempt.id if attempt and attempt.is_applied else payment
    return paid.made_at.replace(microsecond=0) if paid else datetime.fromtimestamp(0, UTC)
