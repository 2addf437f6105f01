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
    """PaymentIntents, confirmed in the browser by Stripe.js with the client secret. `js_url` is the URL of Stripe.js.

    A browser without JavaScript pays on a hosted page instead, a Checkout Session. The attempt's reference identifies
    which of the two it is (`pi_…`, `cs_…`).

    A timeout, a lost connection, 409, 429 and 5xx are `Unknown`. Nothing is charged before the browser confirms, so an
    attempt whose reference we never received cannot be paid: its client secret, or the URL of its page, did not leave
    Stripe.
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
        from checkie.providers.stripe import client  # noqa: PLC0415 the SDK takes a quarter of a second to import

        self._api = client.Api(secret_key, api_base=api_base, timeout_s=timeout_s)
        self._webhook_secret = webhook_secret
        self._publishable_key = publishable_key
        self.js_url = js_url

    def __repr__(self) -> str:
        return "Stripe()"

    async def authorize(self, intent: Intent) -> Outcome:
        """Create the attempt's object, once per key, and return its outcome.

        That is a PaymentIntent, or a Checkout Session where the intent is `hosted`. Never both: one idempotency key
        creates one object at one endpoint, and Stripe refuses it elsewhere (`Unknown`, since the other may exist).
        Declined with `currency_unsupported` for an amount that Stripe cannot charge exactly.
        """
        if intent.reference is not None:
            return await self.find(intent.key, intent.reference)
        try:
            created, replayed = await self._create(intent)
        except amounts.Unsupported as error:
            return Declined(None, "currency_unsupported", f"{error}.")
        except mapping.CallFailed as failure:
            return await self.find(intent.key, None) if hosted.is_too_old(failure) else mapping.create_failed(failure)
        if replayed:
            # The replayed response shows the object as it was created, whatever has happened to it since.
            return await self.find(intent.key, str(created["id"]))
        return self._outcome(created)

    async def find(self, key: AttemptId, reference: str | None) -> Outcome:
        """The attempt's current outcome. A decline is made final first.

        Without a reference, Stripe is searched for a PaymentIntent with the key. The search index lags by a minute, in
        an outage by an hour, so finding nothing proves nothing: a placeholder is created under the attempt's own
        idempotency key. If the key was unused, the placeholder is cancelled, a request still in flight will be refused
        for its key, and `Cancelled` is certain. Otherwise an earlier request used the key: for a Checkout Session,
        which the list of sessions shows, or for a PaymentIntent, which is `Unknown` until the search shows it.
        """
        try:
            located, is_placeholder = await self._locate(key, reference)
            return await (self._end(located) if is_placeholder else self._current(located))
        except mapping.CallFailed as failure:
            return mapping.unknown(failure)

    async def cancel(self, key: AttemptId, reference: str | None) -> Outcome:
        """Make sure that the attempt can no longer succeed: `Cancelled`, `Approved` when it was too late, or `Unknown`.

        Without a reference it is located as in `find`.
        """
        try:
            located, _ = await self._locate(key, reference)
            return await self._end(located)
        except mapping.CallFailed as failure:
            return mapping.unknown(failure)

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        """See the port. Refunds arrive as `charge.refunded`; a charge has the metadata of its PaymentIntent."""
        signature.verify(body, headers.get("stripe-signature"), self._webhook_secret, now_s)
        try:
            return notices.notice_of(json.loads(body), self._publishable_key)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BadSignature("The body of the webhook is not a Stripe event.") from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._api.aclose()

    async def _create(self, intent: Intent) -> tuple[mapping.Json, bool]:
        if intent.hosted:
            return await self._api.create_hosted(hosted.create_params(intent), intent.key)
        return await self._api.create(mapping.create_params(intent), intent.key)

    def _outcome(self, obj: mapping.Json) -> Outcome:
        if hosted.is_hosted(obj["id"]):
            return hosted.outcome_of(obj)
        return mapping.outcome_of(obj, self._publishable_key)

    async def _current(self, reference: str) -> Outcome:
        outcome = self._outcome(await self._api.retrieve(reference))
        if not isinstance(outcome, Declined):
            return outcome
        # With the client secret, another card could be tried on a declined PaymentIntent. For us that is a new attempt.
        ended = await self._cancelled(reference)
        return outcome if isinstance(ended, Cancelled | Declined) else ended

    async def _end(self, reference: str) -> Outcome:
        outcome = await self._cancelled(reference)
        if isinstance(outcome, Approved):
            return outcome
        is_over = isinstance(outcome, Cancelled | Declined)
        return Cancelled(reference) if is_over else Unknown("Stripe is still processing the payment")

    async def _cancelled(self, reference: str) -> Outcome:
        """The outcome after a cancel; of an object that has ended already, the outcome that it ended with."""
        try:
            obj = await self._api.cancel(reference)
        except mapping.CallFailed as failure:
            if failure.status != 400:
                raise
            obj = await self._api.retrieve(reference)
        return self._outcome(obj)

    async def _locate(self, key: AttemptId, reference: str | None) -> tuple[str, bool]:
        """The attempt's reference, and whether it is that of a placeholder."""
        located = reference or await self._search(key)
        if located is not None:
            return located, False
        try:
            placeholder, _ = await self._api.create(mapping.placeholder_params(key), key)
        except mapping.CallFailed as failure:
            located = await self._api.find_hosted(key) if mapping.is_key_used(failure) else None
            if located is None:
                raise
            return located, False
        return str(placeholder["id"]), True

    async def _search(self, key: AttemptId) -> str | None:
        found = await self._api.search(key)
        if found is None:
            return None
        # The PaymentIntent of a hosted page cannot be cancelled by itself: its Checkout Session has to be expired.
        return await self._api.hosted_of(found["id"]) if mapping.is_hosted(found) else str(found["id"])
