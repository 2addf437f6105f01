"""What customers publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from checkie.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCreated(Event):
    """A buyer started to pay in a store for the first time."""

    name: ClassVar[str] = "customer.created"
    public: ClassVar[bool] = True
    customer: str
    email: str
