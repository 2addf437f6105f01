"""Events: written with the change that they describe, read in order, handled once, replayable.

Owns schema `outbox`. `publish` writes events; a `Bus` delivers them (PostgreSQL here, Kafka behind the same port); a
`Consumer` handles each event of its kinds exactly once in effect, through an inbox in the effect's transaction.
Invariants: an event exists if and only if its change was committed; `seq` has no gap per aggregate; a consumer handles
the events of an aggregate in the order of `seq`; an event that it cannot handle is kept as a dead letter.
Rule for publishers: lock the aggregate's row before any other write, or write it on condition of its version. A unit of
work that wrote first and then waited for a lock would come before the one it waited for in the order of events.
"""

from checkie.outbox.advance import advance, apply
from checkie.outbox.check import check
from checkie.outbox.consumer import Consumer, Reaction
from checkie.outbox.event import Event, Recorded
from checkie.outbox.handlers import Dispatch, Handlers
from checkie.outbox.inbox import is_recorded, record_message
from checkie.outbox.jobs import jobs
from checkie.outbox.postgres import PostgresBus
from checkie.outbox.publish import publish
from checkie.outbox.replay import redrive

__all__ = [
    "Consumer",
    "Dispatch",
    "Event",
    "Handlers",
    "PostgresBus",
    "Reaction",
    "Recorded",
    "advance",
    "apply",
    "check",
    "is_recorded",
    "jobs",
    "publish",
    "record_message",
    "redrive",
]
