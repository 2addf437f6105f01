"""The ledger: double entry, append only. A transfer moves a positive amount from one account to another.

Owns schema `ledger`. Publishes nothing: transfers are posted in the unit of work of the change that they belong to.
Invariants: every currency sums to zero (a transfer has two sides, so it cannot be otherwise); what `balance` caches
plus what `delta` still holds equals the sum of the entries; a key moves money once. `check` verifies all three.
Accounts belong to a store: MERCHANT is payable to the store, FEES is what the platform earned from it, CLEARING is what
each provider collected (negative: it owes us), UNAPPLIED is money that matches no payment.
"""

from checkie.ledger.check import check
from checkie.ledger.jobs import jobs
from checkie.ledger.lock import lock
from checkie.ledger.model import Account, Kind, Transfer
from checkie.ledger.post import post
from checkie.ledger.queries import Balance, balances, subjects, transfers_of

__all__ = [
    "Account",
    "Balance",
    "Kind",
    "Transfer",
    "balances",
    "check",
    "jobs",
    "lock",
    "post",
    "subjects",
    "transfers_of",
]
