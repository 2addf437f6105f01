"""`payments.port.Provider` over Stripe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from checkie.payments.port import (
    Approved,
    AttemptId,
    BadSignature,
    Declined,
    Intent,
    Notice,
    Outcome,
    Unknown,
    Withdrawn,
)
from checkie.providers.stripe import amounts, mapping, signature

JS_URL: Final = "https://js.stripe.com/v3/"
_PLACEHOLDER: Final = {
    "amount": 100,
    "currency": "usd",
    "description": "Placeholder for a payment that was given up before it was made",
}


class Stripe:
    """PaymentIntents, confirmed in the browser by Stripe.js with the client secret; `js_url` is where that comes from.

    A timeout, a broken connection, 409, 429 and 5xx are `Unknown`. Nothing is charged before the browser confirms, so
    an attempt whose reference never reached us cannot be paid either: its client secret did not leave Stripe.
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
        """Make the PaymentIntent (once for each key) and say how it stands.

        Declined with `currency_unsupported` for an amount that Stripe cannot take exactly.
        """
        try:
            made, replayed = await self._api.create(mapping.create_params(intent), intent.key)
        except amounts.Unsupported as refusal:
            return Declined(None, "currency_unsupported", f"{refusal}.")
        except mapping.Trouble as trouble:
            return mapping.refused(trouble)
        if replayed:
            # The kept answer shows the Intent as it was made, whatever has happened to it since.
            return await self.find(intent.key, str(made["id"]))
        return mapping.outcome_of(made, self._publishable_key)

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        """How the attempt stands now. A decline is made final on the way.

        Without a reference Stripe is searched for the key, but its index lags by a minute, in an outage by an hour. So
        a miss proves nothing, and a placeholder is made under the attempt's own idempotency key. Either the key was
        free: the placeholder is cancelled, a request that is still on its way will find its key taken, and `Withdrawn`
        is sure. Or a request for the attempt came first: `Unknown`, until the search shows it.
        """
        try:
            known = reference or await self._api.search(key)
            return await (self._standing(known) if known else self._ended(await self._bury(key)))
        except mapping.Trouble as trouble:
            return mapping.unknown(trouble)

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        """Make sure that the attempt can no longer succeed: `Withdrawn`, `Approved` when it was too late, or `Unknown`.

        Without a reference as `find` does.
        """
        try:
            return await self._ended(reference or await self._api.search(key) or await self._bury(key))
        except mapping.Trouble as trouble:
            return mapping.unknown(trouble)

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        """See the port. A refund is told by `charge.refunded`, whose charge has the metadata of its Intent."""
        signature.verify(body, headers.get("stripe-signature"), self._webhook_secret, now_s)
        try:
            return mapping.notice_of(json.loads(body), self._publishable_key)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BadSignature("The webhook's body is no event of Stripe's.") from None

    async def aclose(self) -> None:
        """Let connections go."""
        await self._api.aclose()

    async def _standing(self, reference: str) -> Outcome:
        outcome = mapping.outcome_of(await self._api.retrieve(reference), self._publishable_key)
        if not isinstance(outcome, Declined):
            return outcome
        # Whoever holds the client secret could try another card on a declined Intent; a new try is a new attempt here.
        ended = await self._closed(reference)
        return outcome if isinstance(ended, Withdrawn | Declined) else ended

    async def _ended(self, reference: str) -> Outcome:
        outcome = await self._closed(reference)
        if isinstance(outcome, Approved):
            return outcome
        is_over = isinstance(outcome, Withdrawn | Declined)
        return Withdrawn(reference) if is_over else Unknown("Stripe is still at work on it")

    async def _closed(self, reference: str) -> Outcome:
        try:
            intent = await self._api.cancel(reference)
        except mapping.Trouble as trouble:
            if trouble.status != 400:
                raise
            intent = await self._api.retrieve(reference)  # it has ended already: how?
        return mapping.outcome_of(intent, self._publishable_key)

    async def _bury(self, key: AttemptId) -> str:
        made, _ = await self._api.create({**_PLACEHOLDER, "metadata": {"attempt": key}}, key)
        return str(made["id"])
