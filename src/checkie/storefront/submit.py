"""What a posted form asks for, done: the way through the checkout of a browser without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from checkie import checkout
from checkie.checkout import Changes, Session
from checkie.kernel import Invalid, Refusal
from checkie.payments.port import ActionNeeded, Providers
from checkie.storefront.form import Form, changes_anything
from checkie.storefront.model import Ticket
from checkie.storefront.visit import Place, open_ticket
from checkie.web import Services, Visitor

_OVER: Final = "session_over"
_SHOWN_BY_THE_SESSION: Final = frozenset(
    {
        "payment_no_attempts_left",
        "session_already_paid",
        "session_payment_under_way",
        "session_version_mismatch",
        "write_conflict",
    }
)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes next. `ticket` is what it holds from now on."""

    url: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Mend:
    """The form again, with what is wrong: a field (`refusal` has its name), or a session that had to be opened anew."""

    session: Session
    ticket: Ticket
    form: Form
    refusal: Refusal

    @property
    def is_renewed(self) -> bool:
        """Whether the session had expired, and this is another."""
        return self.refusal.code == _OVER


@dataclass(frozen=True, slots=True)
class FormContext:
    """What every verb works with: the process's parts, the page, and who posts."""

    services: Services
    place: Place
    visitor: Visitor
    locale: str


async def submit(context: FormContext, form: Form) -> Redirect | Mend:
    """Do what the form asks for. Refuses with NoSuchSession and WrongSecret, and when no provider is configured."""
    ticket = form.ticket or await open_ticket(context.services, context.place, context.visitor)
    session = await checkout.get_session(context.services.db, ticket.session, ticket.secret)
    if session.page != context.place.page.id:
        raise checkout.NoSuchSession
    if form.verb == "again":
        return await _again(context, session)
    try:
        return await _verb(context, form, session, ticket)
    except Invalid as refusal:
        return Mend(session, ticket, form, refusal)
    except Refusal as refusal:
        if refusal.code == _OVER:
            return await _anew(context, form, refusal)
        if refusal.code not in _SHOWN_BY_THE_SESSION:
            raise
        return Redirect(context.place.session_path(session.id), ticket)


async def _verb(context: FormContext, form: Form, session: Session, ticket: Ticket) -> Redirect:
    wanted = form.changes(session, context.locale)
    if form.verb != "pay" or changes_anything(wanted):
        await _change(context, session, wanted)
    if form.verb != "pay":
        return Redirect(context.place.path, ticket)
    paying = await checkout.pay_hosted(
        context.services.db, context.services.get(Providers), session.id, ticket.secret, context.services.now()
    )
    hosted = paying.outcome.hosted_url if isinstance(paying.outcome, ActionNeeded) else None
    return Redirect(hosted or context.place.session_path(session.id), ticket)


async def _change(context: FormContext, session: Session, wanted: Changes) -> Session:
    services = context.services
    return await checkout.change(
        services.db, services.get(Providers), session, wanted, if_version=None, now=services.now()
    )


async def _again(context: FormContext, old: Session) -> Redirect:
    """A new session with what was typed into the old one, as far as the page still takes it."""
    ticket = await open_ticket(context.services, context.place, context.visitor)
    fresh = await checkout.get_session(context.services.db, ticket.session, ticket.secret)
    is_other_amount = old.quote.unit != fresh.quote.unit and old.quote.pricing == "PAY_WHAT_YOU_WANT"
    typed = (
        Changes(email=old.email),
        Changes(quantity=old.quote.quantity),
        Changes(amount_minor=old.quote.unit.minor if is_other_amount else None),
    )
    for wanted in typed:
        try:
            await _change(context, fresh, wanted)
        except Invalid:
            continue  # the page has changed since; the buyer sees the page's own value
    return Redirect(context.place.path, ticket)


async def _anew(context: FormContext, form: Form, refusal: Refusal) -> Mend:
    """The session was over before the form came: a new one takes its place, and nothing that was typed is lost."""
    ticket = await open_ticket(context.services, context.place, context.visitor)
    session = await checkout.get_session(context.services.db, ticket.session, ticket.secret)
    return Mend(session, ticket, form, refusal)
