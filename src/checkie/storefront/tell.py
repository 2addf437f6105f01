"""What the page tells the buyer: of a stage, a flaw in a field, a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from checkie.checkout import Quote, Status
from checkie.kernel import NotFound, Refusal, Unauthorized
from checkie.storefront import formats
from checkie.storefront.language import Reader, translations
from checkie.storefront.stage import Stage
from checkie.storefront.words import N_, REFUSALS, why_declined

Act = tuple[str, str, str]
"""A verb of the form, the button's text, and how it looks."""


@dataclass(frozen=True, slots=True)
class Message:
    """A page's title and texts, what can be done, and the sign that goes with it."""

    title: str
    texts: tuple[str, ...]
    acts: tuple[Act, ...] = ()
    kind: str = ""
    sign: str = "alert"

    def translated(self, say: Callable[[str], str]) -> Message:
        """The same in another language."""
        acts = tuple((verb, say(text), look) for verb, text, look in self.acts)
        return replace(self, title=say(self.title), texts=tuple(map(say, self.texts)), acts=acts)


_GO_ON: Final = ("pay", N_("Continue paying"), "primary")
_OTHER_CARD: Final = ("reopen", N_("Use another card"), "second")
_AGAIN: Final = ("again", N_("Start again"), "primary")

_SAFE_TO_LEAVE: Final = N_(
    "This takes a few seconds, seldom longer. It is safe to leave: your order does not depend on this page."
)

_TALES: Final[Mapping[Stage, Message]] = {
    Stage.BEGUN: Message(
        N_("Waiting for your bank"),
        (
            _SAFE_TO_LEAVE,
            N_("If you did not get to enter your card, go on from here. You will not pay twice."),
        ),
        (_GO_ON, _OTHER_CARD),
        "wait",
        "clock",
    ),
    Stage.WAITING: Message(N_("Waiting for your bank"), (_SAFE_TO_LEAVE,), (), "wait", "clock"),
    Stage.ACTION: Message(
        N_("Your bank wants to know that it is you"),
        (N_("Confirm the payment on your bank's page. Nothing is charged before you do."),),
        (("pay", N_("Confirm the payment"), "primary"), _OTHER_CARD),
        "wait",
        "shield",
    ),
    Stage.ASKING: Message(
        N_("We are finding out whether you paid"),
        (
            N_("The payment provider has not answered. We keep asking, and this page shows the result."),
            N_("Please do not pay again until we know. It is safe to leave and come back."),
        ),
        (),
        "wait",
        "search",
    ),
    Stage.UNTRUSTED: Message(
        N_("Please do not pay again"),
        (
            N_("A payment arrived, but it is not the one that we asked for, so a person has to look at it."),
            N_("The store knows and will contact you. Nothing more is charged."),
        ),
        (),
        "bad",
    ),
    Stage.EXHAUSTED: Message(
        N_("The payment did not work"),
        (N_("Nothing was charged. Three tries failed, so this checkout is closed, but you can start again."),),
        (_AGAIN,),
        "bad",
    ),
    Stage.EXPIRED: Message(
        N_("This checkout has expired"),
        (N_("Nothing was charged. Start again, and what you typed is still there."),),
        (_AGAIN,),
        "",
        "clock",
    ),
}
_NOT_FOUND: Final = Message(
    N_("There is nothing here"),
    (
        N_("The address may be wrong, or the page is no longer for sale."),
        N_("If you have just paid, return to the window where you started."),
    ),
    sign="search",
)
_FAILED: Final = Message(
    N_("Something went wrong on our side"),
    (N_("This page took no money. Please try again in a moment."),),
    kind="bad",
)
_NO_PROVIDER: Final = Message(
    N_("This page cannot take payments yet"),
    (N_("The store has to finish setting it up. Nothing was charged."),),
    kind="bad",
)
_FOREIGN: Final = Message(
    N_("We could not accept this form"),
    (N_("It did not come from our own page. Open the page anew and try again. Nothing was charged."),),
    kind="bad",
)


def tell_stage(stage: Stage, status: Status, reader: Reader) -> Message:
    """What to tell of a session at that stage, one of `_TALES`."""
    say = translations(reader.language).gettext
    message = _TALES[stage].translated(say)
    if stage is not Stage.EXHAUSTED or status.payment is None:
        return message
    why = say(why_declined(status.payment.failure_code).what)
    return replace(message, texts=(why, *message.texts))


def tell_refusal(refusal: Refusal | None, reader: Reader) -> Message:
    """What to tell of a page that cannot be shown; None: it failed."""
    say = translations(reader.language).gettext
    if isinstance(refusal, NotFound | Unauthorized):
        return _NOT_FOUND.translated(say)
    known = {
        "page_without_provider": _NO_PROVIDER,
        "provider_not_configured": _NO_PROVIDER,
        "form_foreign": _FOREIGN,
    }
    return known.get(refusal.code if refusal else "", _FAILED).translated(say)


def tell_flaw(refusal: Refusal, quote: Quote, reader: Reader) -> tuple[str, str]:
    """The field that a refusal is about, and what to say beside it."""
    say = translations(reader.language).gettext
    text = _ranges(quote, reader).get(refusal.code) or say(REFUSALS.get(refusal.code, refusal.detail))
    return refusal.param or "email", text


def tries_left(count: int, reader: Reader) -> str:
    """How often the buyer may still try; nothing when never."""
    if count <= 0:
        return ""
    told = translations(reader.language).ngettext("You can try once more.", "You can try %(count)s more times.", count)
    return told.replace("%(count)s", str(count))


def page_words(quote: Quote, reader: Reader) -> str:
    """What the script says, as JSON."""
    say = translations(reader.language).gettext
    words = {
        **{code: say(text) for code, text in REFUSALS.items()},
        **_ranges(quote, reader),
        "pay": say("Pay %(amount)s"),
        "total": say("The total is now %(amount)s."),
        "paying": say("Paying…"),
        "confirming": say("Confirming…"),
        "offline": say("You seem to be offline."),
        "kept": say("Nothing you typed is lost. Try again when you are connected."),
        "failed": say("Something went wrong on our side"),
        "failed_kept": say("Nothing you typed is lost. Please try again in a moment."),
        "expired": say("This checkout has expired"),
        "expired_kept": say("Nothing was charged. Start again, and what you typed is still there."),
        "again": say("Start again"),
        "card_missing": say("The card fields did not load."),
        "hosted": say("Pay on the provider's page"),
    }
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def _ranges(quote: Quote, reader: Reader) -> dict[str, str]:
    say = translations(reader.language).gettext
    low, high = formats.money(quote.min, reader.locale), formats.money(quote.max, reader.locale)
    return {
        "quantity_out_of_range": say("Choose between 1 and %(max)s.") % {"max": quote.quantity_max},
        "amount_out_of_range": say("Choose between %(min)s and %(max)s.") % {"min": low, "max": high},
    }
