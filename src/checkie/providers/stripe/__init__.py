"""Stripe: PaymentIntents with automatic payment methods, confirmed in the browser by Stripe.js, or its hosted page.

Owns Stripe's SDK (nothing else imports it) and every rule that is Stripe's alone: its minor units, its signature, the
statuses of its objects. Publishes nothing; it implements `payments.port`.

Invariants: the attempt id is the idempotency key of the object that is created for it, and is in its metadata; card
numbers never pass through our servers; secrets are neither logged nor shown.
"""

from checkie.providers.stripe.adapter import Stripe

__all__ = ["Stripe"]
