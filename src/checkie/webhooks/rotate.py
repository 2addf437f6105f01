"""Replace an endpoint's secret without losing a webhook."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from checkie.db import UnitOfWork
from checkie.kernel import Keyring
from checkie.kernel.ids import EndpointId
from checkie.webhooks import sql
from checkie.webhooks.model import EndpointNotFound
from checkie.webhooks.sign import new_secret

OVERLAP: Final = timedelta(hours=24)
"""How long both secrets sign, so that the merchant can switch."""


async def rotate_secret(
    unit: UnitOfWork, keyring: Keyring, *, store: int, endpoint: EndpointId, now: datetime, overlap: timedelta = OVERLAP
) -> str:
    """A new secret, shown only here. The current one signs beside it until the overlap ends; older ones stop at once.

    Refuses with EndpointNotFound.
    """
    secret = new_secret()
    sealed = sql.seal(keyring, endpoint, secret)
    if not await sql.rotate(unit, endpoint, store=store, sealed=sealed, until=now + overlap):
        raise EndpointNotFound
    return secret
