"""The content of a new order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checkie.kernel import Money
from checkie.kernel.ids import CustomerId, OrderId, PaymentId, SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What is bought, by whom and for how much."""

    id: OrderId
    session: SessionId
    payment: PaymentId
    customer: CustomerId
    email: str
    quote: Mapping[str, Any]
    total: Money
