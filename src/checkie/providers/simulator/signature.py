"""The webhook signature: the sender signs with it, and the adapter verifies it.

The header is `t=<unix s>,v1=<hex>`; `v1` is the HMAC-SHA256 of `{t}.{body}`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from checkie.payments.port import BadSignature

HEADER: Final = "simulator-signature"
TOLERANCE_S: Final = 300


def sign(secret: str, sent_at: int, body: bytes) -> str:
    """The header's value for a body sent at that unix time."""
    return f"t={sent_at},v1={_digest(secret, str(sent_at), body)}"


def verify(header: str, body: bytes, secret: str, now_s: float) -> None:
    """Raises BadSignature unless the header signs `body` with `secret`, within five minutes of `now_s`."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    sent_at, given = parts.get("t", ""), parts.get("v1", "")
    if not (sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= 12 and given.isascii()):
        raise BadSignature
    if not hmac.compare_digest(given, _digest(secret, sent_at, body)):
        raise BadSignature
    if abs(now_s - int(sent_at)) > TOLERANCE_S:
        raise BadSignature("The webhook was signed more than five minutes ago.")


def _digest(secret: str, sent_at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
