"""`simulator`: a full card provider for demo, tests and benchmarks. No real money, no real cards.

It is two things. `Simulator` is the adapter that our servers use, like that of any provider. `serve` is the provider
itself, a small HTTP service of its own with hosted card fields, 3-D Secure, signed webhooks and faults on demand
(`faults.py` has the table, `cards.py` the test cards). A number that is no test card is declined: the simulator cannot
be mistaken for a real provider, nor a real card be used up on it.

Owns the file DATA/simulator.sqlite. Publishes nothing: it tells by webhook, as the others do. Its promises: one intent
for one key; a card is charged at most once for it; an answer is sent only when its change is in the file; an event is
sent until somebody takes it, under one id; no card number or security code is written down anywhere.
"""

from checkie.providers.simulator.adapter import Simulator
from checkie.providers.simulator.serve import serve

__all__ = ["Simulator", "serve"]
