"""The database: connections, units of work, lists by cursor, leases, due work and migrations.

Owns schema `db`. Never holds a transaction open for anyone across a network call: that is the callers' part.
"""

from checkie.db.conflicts import WriteConflict, retry_on_conflict
from checkie.db.job import Job, due_rows
from checkie.db.keyset import Keyset
from checkie.db.leases import PARTITIONS, Leases, partition_of
from checkie.db.migrate import MigrationError, migrate, pending
from checkie.db.pool import OUTAGES, Database
from checkie.db.row import row
from checkie.db.unit import UnitOfWork

__all__ = [
    "OUTAGES",
    "PARTITIONS",
    "Database",
    "Job",
    "Keyset",
    "Leases",
    "MigrationError",
    "UnitOfWork",
    "WriteConflict",
    "due_rows",
    "migrate",
    "partition_of",
    "pending",
    "retry_on_conflict",
    "row",
]
