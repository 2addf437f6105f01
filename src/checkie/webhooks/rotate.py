"""Change an endpoint's secret without losing a webhook."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from checkie.db import Tx
from checkie.kernel import Keyring
from checkie.webhooks import store as rows
from checkie.webhooks.model import EndpointId, EndpointNotFound
from checkie.webhooks.sign import new_secret

OVERLAP: Final = timedelta(hours=24)
"""How long both secrets sign, so that the merchant can change over."""


async def rotate_secret(
    tx: Tx, keyring: Keyring, *, store: int, endpoint: EndpointId, now: datetime, overlap: timedelta = OVERLAP
) -> str:
    """A new secret, shown only here; the present one signs beside it until the overlap ends, and older ones no more."""
    secret = new_secret()
    sealed = rows.seal(keyring, endpoint, secret)
    if not await rows.rotate(tx, endpoint, store=store, sealed=sealed, until=now + overlap):
        raise EndpointNotFound
    return secret
