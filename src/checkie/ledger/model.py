"""Accounts and transfers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from checkie.kernel import Id, Money


class Kind(StrEnum):
    """What an account is for."""

    CLEARING = "CLEARING"
    MERCHANT = "MERCHANT"
    FEES = "FEES"
    UNAPPLIED = "UNAPPLIED"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a store, by what it is for. `owner`: a clearing account's provider. Transfers say its currency."""

    kind: Kind
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money leaves `source` and reaches `target`: one row, two sides, so it cannot be unbalanced.

    `subject` is what it is about (a payment); `key` names the transfer within its store: the same key moves money once.
    """

    kind: str
    source: Account
    target: Account
    amount: Money
    subject: Id
    key: str

    def __post_init__(self) -> None:
        if self.amount.minor <= 0 or self.source == self.target:
            raise ValueError("a transfer moves a positive amount between two accounts")
