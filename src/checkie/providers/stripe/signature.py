"""Stripe's webhook signature. Not the SDK's check, because that reads the clock itself."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from checkie.payments.port import BadSignature

TOLERANCE_S: Final = 300
"""Stripe's default, against replays."""
_UNIX_TIME: Final = re.compile("[0-9]{1,12}")


def verify(body: bytes, header: str | None, secret: str, now_s: float) -> None:
    """Raises BadSignature unless `header` (`t=<unix s>,v1=<hex>[,v1=…]`) signs `body` with `secret`, within tolerance.

    The signature is the HMAC-SHA256 of `{t}.{body}`. There are several `v1` while the secret is rotated, and one match
    is enough; schemes other than `v1` are ignored. Source: docs.stripe.com/webhooks, "Verify manually".
    """
    signed_at, signatures = _parse(header or "")
    expected = hmac.new(secret.encode(), b"%d." % signed_at + body, hashlib.sha256).hexdigest().encode()
    # Every signature is compared, in constant time, so that timing reveals neither which one matched nor how far.
    matches = [hmac.compare_digest(expected, signature) for signature in signatures]
    if not any(matches) or abs(now_s - signed_at) > TOLERANCE_S:
        raise BadSignature


def _parse(header: str) -> tuple[int, list[bytes]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1 or not _UNIX_TIME.fullmatch(times[0]):
        raise BadSignature
    return int(times[0]), [value.encode(errors="replace") for name, _, value in pairs if name == "v1"]
