"""The database: connections, transactions, lists by cursor, leases, due work, migrations and the embedded server.

Owns schema `db`. Never holds a transaction open for anyone across a network call: that is the callers' part.
"""

from checkie.db import embedded
from checkie.db.due import Due, work_off
from checkie.db.keyset import Keyset
from checkie.db.leases import PARTITIONS, Leases, partition_of
from checkie.db.migrate import MigrationError, migrate, pending
from checkie.db.pool import OUTAGES, Database
from checkie.db.statements import STATEMENTS
from checkie.db.transaction import Overtaken, Tx, undisturbed

__all__ = [
    "OUTAGES",
    "PARTITIONS",
    "STATEMENTS",
    "Database",
    "Due",
    "Keyset",
    "Leases",
    "MigrationError",
    "Overtaken",
    "Tx",
    "embedded",
    "migrate",
    "partition_of",
    "pending",
    "undisturbed",
    "work_off",
]
