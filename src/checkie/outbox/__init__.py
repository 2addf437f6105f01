"""Events: written with the change they tell of, read in order, done once, replayable.

Owns schema `outbox`. `publish` is the only way in; a `Bus` is the way out (PostgreSQL here, Kafka behind the same
port); `Consumer` does each event of its kinds exactly once in effect, through an inbox in the effect's transaction.
Invariants: an event exists if and only if its change was committed; `seq` has no gap per aggregate; a consumer sees the
events of one aggregate in the order of `seq`; an event that a consumer cannot take is kept as a dead letter.
Rule for publishers: lock the aggregate's row before you write anything else, or write it only if it is as it was read.
One that wrote first, and so got its place in the order, and waited then would stand before the one it waited for.
"""

from checkie.outbox.advance import advance
from checkie.outbox.bus import Batch, Bus, Position
from checkie.outbox.check import check
from checkie.outbox.consumer import Consumer, Reaction
from checkie.outbox.event import Event, Recorded
from checkie.outbox.handlers import Dispatch, Handlers
from checkie.outbox.inbox import is_recorded, prune_inbox, record_message, record_new
from checkie.outbox.postgres import PostgresBus
from checkie.outbox.publish import publish
from checkie.outbox.replay import redrive, replay

__all__ = [
    "Batch",
    "Bus",
    "Consumer",
    "Dispatch",
    "Event",
    "Handlers",
    "Position",
    "PostgresBus",
    "Reaction",
    "Recorded",
    "advance",
    "check",
    "is_recorded",
    "prune_inbox",
    "publish",
    "record_message",
    "record_new",
    "redrive",
    "replay",
]
