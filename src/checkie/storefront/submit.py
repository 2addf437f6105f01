"""Do what a posted form asks for: the checkout of a browser without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from checkie import checkout
from checkie.checkout import Changes, Session
from checkie.db import WriteConflict
from checkie.kernel import Invalid, Refusal
from checkie.payments.port import ActionNeeded, Providers
from checkie.storefront.form import CheckoutForm, changes_anything
from checkie.storefront.model import SessionCredential
from checkie.storefront.resume import StorePage, open_session
from checkie.web import Services, Visitor

EXPIRED: Final = "session_over"
SHOWN_BY_SESSION: Final = frozenset(
    {
        WriteConflict.code,
        "payment_no_attempts_left",
        "session_already_paid",
        "session_payment_in_progress",
        "session_version_mismatch",
    }
)
"""Refusals, by code, after which the buyer is shown the session as it is now."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes next, and the session that it holds from now on."""

    url: str
    credential: SessionCredential


@dataclass(frozen=True, slots=True)
class Redisplay:
    """The form again, with what is wrong: a field that `refusal` names, or that the session had expired."""

    session: Session
    credential: SessionCredential
    form: CheckoutForm
    refusal: Refusal

    @property
    def is_new_session(self) -> bool:
        """Whether the session had expired and was replaced by another."""
        return self.refusal.code == EXPIRED


@dataclass(frozen=True, slots=True)
class FormContext:
    """What every operation works with: the process's parts, the page, and who submits the form."""

    services: Services
    store_page: StorePage
    visitor: Visitor
    locale: str


async def submit(context: FormContext, form: CheckoutForm) -> Redirect | Redisplay:
    """Do what the form asks for. Refuses with NoSuchSession and WrongSecret, and when no provider is configured."""
    credential = form.credential or await open_session(context.services, context.store_page, context.visitor)
    session = await checkout.get_session(context.services.db, credential.session, credential.secret)
    if session.page != context.store_page.page.id:
        raise checkout.NoSuchSession
    if form.operation == "restart":
        return await _restart(context, session)
    try:
        return await _act(context, form, session, credential)
    except Invalid as refusal:
        return Redisplay(session, credential, form, refusal)
    except Refusal as refusal:
        if refusal.code == EXPIRED:
            return await _replace_expired(context, form, refusal)
        if refusal.code not in SHOWN_BY_SESSION:
            raise
        return Redirect(context.store_page.session_path(session.id), credential)


async def _act(context: FormContext, form: CheckoutForm, session: Session, credential: SessionCredential) -> Redirect:
    wanted = form.changes(session, context.locale)
    if form.operation != "pay" or changes_anything(wanted):
        await _change(context, session, wanted)
    if form.operation != "pay":
        return Redirect(context.store_page.path, credential)
    services = context.services
    started = await checkout.pay_hosted(
        services.db, services.get(Providers), session.id, credential.secret, services.now()
    )
    hosted = started.outcome.hosted_url if isinstance(started.outcome, ActionNeeded) else None
    return Redirect(hosted or context.store_page.session_path(session.id), credential)


async def _change(context: FormContext, session: Session, wanted: Changes) -> Session:
    services = context.services
    return await checkout.change(
        services.db, services.get(Providers), session, wanted, if_version=None, now=services.now()
    )


async def _restart(context: FormContext, old: Session) -> Redirect:
    """A new session with what was entered in the old one, as far as the page still accepts it."""
    credential = await open_session(context.services, context.store_page, context.visitor)
    new = await checkout.get_session(context.services.db, credential.session, credential.secret)
    is_other_amount = old.quote.unit != new.quote.unit and old.quote.pricing == "PAY_WHAT_YOU_WANT"
    entered = (
        Changes(email=old.email),
        Changes(quantity=old.quote.quantity),
        Changes(amount_minor=old.quote.unit.minor if is_other_amount else None),
    )
    for wanted in entered:
        try:
            await _change(context, new, wanted)
        except Invalid:
            continue  # the page has changed since; the buyer sees the page's own value
    return Redirect(context.store_page.path, credential)


async def _replace_expired(context: FormContext, form: CheckoutForm, refusal: Refusal) -> Redisplay:
    """The session expired before the form was submitted: a new one replaces it and keeps what was entered."""
    credential = await open_session(context.services, context.store_page, context.visitor)
    session = await checkout.get_session(context.services.db, credential.session, credential.secret)
    return Redisplay(session, credential, form, refusal)
