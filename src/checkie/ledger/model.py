"""Accounts and transfers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from checkie.kernel import Id, Money


class Kind(StrEnum):
    """The purpose of an account."""

    CLEARING = "CLEARING"
    MERCHANT = "MERCHANT"
    FEES = "FEES"
    UNAPPLIED = "UNAPPLIED"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a store, by its purpose. `owner`: a clearing account's provider. The currency is the transfer's."""

    kind: Kind
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money leaves `source` and reaches `target`: one row, two sides, so it cannot be unbalanced.

    `subject` is what it belongs to (a payment); `key` names the transfer within its store: a key moves money once.
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
