"""`simulator`: a complete card provider for demo, tests and benchmarks. No real money, no real cards.

It has two parts. `Simulator` is the adapter that our servers use, like the adapter of any provider. `http.serve` is the
provider itself, a process of its own, which no other process loads: `bank/` decides and stores, `http/` serves it with
hosted card fields, 3-D Secure and signed webhooks. `bank/faults.py` has the table of faults, `bank/cards.py` the test
cards. A number that is not a test card is declined, so no real card is ever charged here.

Owns the file DATA/simulator.sqlite. Publishes nothing: it sends webhooks, as other providers do. Invariants: one intent
per idempotency key; an intent charges a card at most once; a response is sent only after its change is committed; an
event is sent under one id until it is delivered; card numbers and security codes are never stored or logged.
"""

from checkie.providers.simulator.adapter import Simulator

__all__ = ["Simulator"]
