"""Stripe: PaymentIntents with automatic payment methods, confirmed in the browser by Stripe.js, or its hosted page.

Owns the vendor's SDK (nothing else imports it) and every rule that is Stripe's alone: its minor units, its signature,
its words for a payment's state. Publishes nothing; it answers through `payments.port`.

Invariants: the attempt id is the idempotency key of whatever is made, and stands in its metadata; a card number
never passes here; secrets are neither logged nor shown.
"""

from checkie.providers.stripe.adapter import Stripe

__all__ = ["Stripe"]
