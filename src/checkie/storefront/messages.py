"""What the pages say: about each stage, about errors, and what the script needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from checkie.checkout import Quote, Status
from checkie.kernel import Invalid
from checkie.storefront.decline_messages import decline_message
from checkie.storefront.stage import Stage
from checkie.ui import N_, Problem, Reader, formats, forms, translations

Button = tuple[str, str, str]
"""An operation of the form, the button's text, and its kind."""


@dataclass(frozen=True, slots=True)
class Message:
    """A page's title and texts, its buttons, and its icon."""

    title: str
    texts: tuple[str, ...]
    buttons: tuple[Button, ...] = ()
    kind: str = ""
    icon: str = "alert"

    def translated(self, gettext: Callable[[str], str]) -> Message:
        """The same in another language."""
        buttons = tuple((operation, gettext(text), kind) for operation, text, kind in self.buttons)
        return replace(self, title=gettext(self.title), texts=tuple(map(gettext, self.texts)), buttons=buttons)


_CONTINUE: Final = ("pay", N_("Continue to payment"), "primary")
_OTHER_CARD: Final = ("reopen", N_("Use a different card"), "secondary")
_RESTART: Final = ("restart", N_("Start over"), "primary")
_PROCESSING: Final = N_("Processing payment")
_SAFE_TO_LEAVE: Final = N_("This usually takes a few seconds. You can leave this page safely.")
_NOT_CHARGED: Final = N_("You have not been charged. You can start over with the details you entered.")
_EXPIRED: Final = N_("This checkout session has expired")

_STAGES: Final[Mapping[Stage, Message]] = {
    Stage.STARTED: Message(
        _PROCESSING,
        (
            _SAFE_TO_LEAVE,
            N_("If you have not entered your card details yet, continue here. You will not be charged twice."),
        ),
        (_CONTINUE, _OTHER_CARD),
        "pending",
        "clock",
    ),
    Stage.PROCESSING: Message(_PROCESSING, (_SAFE_TO_LEAVE,), (), "pending", "clock"),
    Stage.ACTION_REQUIRED: Message(
        N_("Confirm your payment"),
        (N_("Your bank asks you to confirm this payment. You will not be charged until you do."),),
        (("pay", N_("Confirm payment"), "primary"), _OTHER_CARD),
        "pending",
        "shield",
    ),
    Stage.UNKNOWN: Message(
        N_("Checking your payment"),
        (
            N_("The payment provider has not responded yet. This page will show the result."),
            N_("Do not pay again until then. You can leave this page and come back later."),
        ),
        (),
        "pending",
        "search",
    ),
    Stage.UNDER_REVIEW: Message(
        N_("Your payment is under review"),
        (
            N_("We received a payment that does not match your order."),
            N_("Do not pay again. The store will contact you."),
        ),
        (),
        "danger",
    ),
    Stage.FAILED: Message(
        N_("Payment failed"),
        (N_("You have not been charged. This checkout session was closed after 3 failed attempts."),),
        (_RESTART,),
        "danger",
    ),
    Stage.EXPIRED: Message(_EXPIRED, (_NOT_CHARGED,), (_RESTART,), "", "clock"),
}

NOT_FOUND: Final = Problem(
    N_("Page not found"),
    (
        N_("The link may be incorrect, or the page may no longer be available."),
        N_("If you just paid, return to the browser window where you started."),
    ),
    "search",
)
_NO_PROVIDER: Final = Problem(
    N_("Payments are not available"),
    (N_("The store has not finished setting up payments. You have not been charged."),),
)
PROBLEMS: Final[Mapping[str, Problem]] = {
    "page_without_provider": _NO_PROVIDER,
    "provider_not_configured": _NO_PROVIDER,
}
"""The error pages of refusals, by code."""

FIELD_ERRORS: Final[Mapping[str, str]] = {
    "email_invalid": N_("Enter a valid email address, like name@example.com."),
    "email_missing": N_("Enter your email address."),
    "quantity_invalid": N_("Enter a whole number."),
    "amount_invalid": N_("Enter a valid amount."),
}
"""What is wrong with a field, by the refusal's code, where no numbers are needed."""


def stage_message(stage: Stage, status: Status, reader: Reader) -> Message:
    """What the page of a session at that stage says; not of FORM and PAID, which have pages of their own."""
    gettext = translations(reader.language).gettext
    message = _STAGES[stage].translated(gettext)
    if stage is not Stage.FAILED or status.payment is None:
        return message
    reason = gettext(decline_message(status.payment.failure_code).reason)
    return replace(message, texts=(reason, *message.texts))


def field_errors(refusal: Invalid, quote: Quote, reader: Reader) -> dict[str, str]:
    """The error to show beside the field that a refusal names."""
    texts = {**FIELD_ERRORS, **_range_errors(quote, reader)}
    return forms.field_errors(refusal, texts, reader, default="email")


def attempts_left_text(count: int, reader: Reader) -> str:
    """How many attempts the buyer has left; empty if none."""
    if count <= 0:
        return ""
    ngettext = translations(reader.language).ngettext
    text = ngettext("You have 1 attempt left.", "You have %(count)s attempts left.", count)
    return text.replace("%(count)s", str(count))


def amount_range(quote: Quote, reader: Reader) -> str:
    """The hint beside an amount that the buyer chooses."""
    return translations(reader.language).gettext("From %(min)s to %(max)s.") % _limits(quote, reader)


def script_texts(quote: Quote, reader: Reader) -> str:
    """The texts of the page's script, as JSON."""
    gettext = translations(reader.language).gettext
    texts = {
        **{code: gettext(text) for code, text in FIELD_ERRORS.items()},
        **_range_errors(quote, reader),
        "pay": gettext("Pay %(amount)s"),
        "total": gettext("Total: %(amount)s"),
        "processing": gettext("Processing…"),
        "confirming": gettext("Confirming…"),
        "offline": gettext("You appear to be offline."),
        "offline_advice": gettext("Your details are saved. Check your connection and try again."),
        "failed": gettext("Something went wrong"),
        "failed_advice": gettext("Your details are saved. Try again in a moment."),
        "expired": gettext(_EXPIRED),
        "expired_advice": gettext(_NOT_CHARGED),
        "restart": gettext("Start over"),
        "card_unavailable": gettext("The card fields could not be loaded."),
        "hosted": gettext("Pay on the provider's page"),
    }
    return json.dumps(texts, ensure_ascii=False, separators=(",", ":"))


def _range_errors(quote: Quote, reader: Reader) -> dict[str, str]:
    gettext = translations(reader.language).gettext
    return {
        "quantity_out_of_range": gettext("Enter a quantity from 1 to %(max)s.") % {"max": quote.quantity_max},
        "amount_out_of_range": gettext("Enter an amount from %(min)s to %(max)s.") % _limits(quote, reader),
    }


def _limits(quote: Quote, reader: Reader) -> dict[str, str]:
    return {"min": formats.money(quote.min, reader.locale), "max": formats.money(quote.max, reader.locale)}
