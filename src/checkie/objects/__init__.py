"""Objects: the public objects as the API and webhooks show them.

Owns no tables and publishes nothing: it renders what the modules below report. `on_public_events` renders the object of
each public event that somebody is subscribed to and queues it. Invariants: the body of an event is rendered once and
its bytes are kept; rendering takes a constant number of statements for any number of events.
"""

from checkie.objects.follow import RENDERERS, on_public_events
from checkie.objects.model import API_VERSION, CustomerObject, Envelope, PaymentObject

__all__ = ["API_VERSION", "RENDERERS", "CustomerObject", "Envelope", "PaymentObject", "on_public_events"]
