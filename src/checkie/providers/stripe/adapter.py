"""`payments.port.Provider` over Stripe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from checkie.kernel.ids import AttemptId
from checkie.payments.port import Approved, BadSignature, Cancelled, Declined, Intent, Notice, Outcome, Unknown
from checkie.providers.stripe import amounts, hosted, mapping, notices, signature

JS_URL: Final = "https://js.stripe.com/v3/"


class Stripe:
    """PaymentIntents, confirmed in the browser by Stripe.js with the client secret; `js_url` is where that comes from.

    A browser without JavaScript pays on a hosted page instead, a Checkout Session. Which of the two an attempt is, its
    reference tells (`pi_…`, `cs_…`).

    A timeout, a broken connection, 409, 429 and 5xx are `Unknown`. Nothing is charged before the browser confirms, so
    an attempt whose reference never reached us cannot be paid either: its client secret, or the address of its page,
    did not leave Stripe.
    """

    name = "stripe"

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        publishable_key: str,
        *,
        api_base: str | None = None,
        timeout_s: float = 10.0,
        js_url: str = JS_URL,
    ) -> None:
        if not (secret_key and webhook_secret and publishable_key):
            raise ValueError("Stripe needs a secret key, a webhook secret and a publishable key")
        from checkie.providers.stripe import client  # noqa: PLC0415 a quarter of a second that only Stripe's users pay

        self._api = client.Api(secret_key, api_base=api_base, timeout_s=timeout_s)
        self._webhook_secret = webhook_secret
        self._publishable_key = publishable_key
        self.js_url = js_url

    def __repr__(self) -> str:
        return "Stripe()"

    async def authorize(self, intent: Intent) -> Outcome:
        """Make the attempt's twin (once for each key) and say how it stands.

        That is a PaymentIntent, or a Checkout Session where the intent is `hosted`. Never both: one idempotency key
        makes one thing at one endpoint, and Stripe refuses it anywhere else (`Unknown`, since the other may stand).
        Declined with `currency_unsupported` for an amount that Stripe cannot take exactly.
        """
        if intent.reference is not None:
            return await self.find(intent.key, intent.reference)
        try:
            made, replayed = await self._create(intent)
        except amounts.Unsupported as refusal:
            return Declined(None, "currency_unsupported", f"{refusal}.")
        except mapping.Trouble as trouble:
            return await self.find(intent.key, None) if hosted.came_too_late(trouble) else mapping.refused(trouble)
        if replayed:
            # The kept answer shows the twin as it was made, whatever has happened to it since.
            return await self.find(intent.key, str(made["id"]))
        return self._outcome(made)

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        """How the attempt stands now. A decline is made final on the way.

        Without a reference Stripe is searched for a PaymentIntent with the key, but its index lags by a minute, in an
        outage by an hour. So a miss proves nothing, and a placeholder is made under the attempt's own idempotency key.
        If the key was free, the placeholder is cancelled, a request that is still on its way will find its key taken,
        and `Cancelled` is sure. Otherwise a request for the attempt came first: a Checkout Session, which the list of
        its time shows, or else it is `Unknown` until the search shows it.
        """
        try:
            known, is_placeholder = await self._locate(key, reference)
            return await (self._ended(known) if is_placeholder else self._standing(known))
        except mapping.Trouble as trouble:
            return mapping.unknown(trouble)

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        """Make sure that the attempt can no longer succeed: `Cancelled`, `Approved` when it was too late, or `Unknown`.

        Without a reference as `find` does.
        """
        try:
            known, _ = await self._locate(key, reference)
            return await self._ended(known)
        except mapping.Trouble as trouble:
            return mapping.unknown(trouble)

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        """See the port. A refund is told by `charge.refunded`, whose charge has the metadata of its Intent."""
        signature.verify(body, headers.get("stripe-signature"), self._webhook_secret, now_s)
        try:
            return notices.notice_of(json.loads(body), self._publishable_key)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BadSignature("The webhook's body is no event of Stripe's.") from None

    async def aclose(self) -> None:
        """Let connections go."""
        await self._api.aclose()

    async def _create(self, intent: Intent) -> tuple[mapping.Json, bool]:
        if intent.hosted:
            return await self._api.create_hosted(hosted.create_params(intent), intent.key)
        return await self._api.create(mapping.create_params(intent), intent.key)

    def _outcome(self, thing: mapping.Json) -> Outcome:
        if hosted.is_hosted(thing["id"]):
            return hosted.outcome_of(thing)
        return mapping.outcome_of(thing, self._publishable_key)

    async def _standing(self, reference: str) -> Outcome:
        outcome = self._outcome(await self._api.retrieve(reference))
        if not isinstance(outcome, Declined):
            return outcome
        # Whoever holds the client secret could try another card on a declined Intent; a new try is a new attempt here.
        ended = await self._closed(reference)
        return outcome if isinstance(ended, Cancelled | Declined) else ended

    async def _ended(self, reference: str) -> Outcome:
        outcome = await self._closed(reference)
        if isinstance(outcome, Approved):
            return outcome
        is_over = isinstance(outcome, Cancelled | Declined)
        return Cancelled(reference) if is_over else Unknown("Stripe is still at work on it")

    async def _closed(self, reference: str) -> Outcome:
        try:
            thing = await self._api.cancel(reference)
        except mapping.Trouble as trouble:
            if trouble.status != 400:
                raise
            thing = await self._api.retrieve(reference)  # it has ended already: how?
        return self._outcome(thing)

    async def _locate(self, key: AttemptId, reference: str | None) -> tuple[str, bool]:
        """The attempt's reference, and whether it is but a placeholder that took the attempt's place."""
        known = reference or await self._search(key)
        if known is not None:
            return known, False
        try:
            made, _ = await self._api.create(mapping.placeholder_params(key), key)
        except mapping.Trouble as trouble:
            known = await self._api.find_hosted(key) if mapping.is_taken(trouble) else None
            if known is None:
                raise
            return known, False
        return str(made["id"]), True

    async def _search(self, key: AttemptId) -> str | None:
        found = await self._api.search(key)
        if found is None:
            return None
        # Stripe does not let the Intent of a page be cancelled on its own: the page is to be expired.
        return await self._api.hosted_of(found["id"]) if mapping.is_hosted(found) else str(found["id"])
