"""Signatures: Standard Webhooks 1.0.0, and a second header in the style of Stripe. Pure.

A secret is `whsec_` and the base64 of its random bytes. Each request carries two signatures of the same body; a
merchant checks either:

* `webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`; the key is
  the *decoded bytes* of the secret (standardwebhooks.com).
* `X-Webhook-Signature`: `t={webhook-timestamp},v1=` and the hex of HMAC-SHA256 over `{t}.{body}`, `t` in unix seconds;
  the key is the *text* of the secret, `whsec_` included, as with Stripe. The id is in `X-Webhook-Id`. It is not part of
  what is signed here, but the body contains it.

While a secret is being rotated both headers carry a signature by each secret, the new one first. `verify` and
`verify_short` do what a merchant has to do and are meant to be copied.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from checkie.kernel import Unauthorized
from checkie.webhooks.model import SecretInvalid

TOLERANCE_S: Final = 300
_PREFIX: Final = "whsec_"
_BYTES: Final = 32


class WebhookSignatureInvalid(Unauthorized):
    """No signature of this webhook matches the secret, or its timestamp is more than five minutes from now."""

    code = "webhook_signature_mismatch"


def new_secret() -> str:
    """A new random secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def decode(secret: str) -> bytes:
    """The bytes of a secret. Refuses what is not `whsec_` and base64 of 24 to 64 bytes (SecretInvalid)."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise SecretInvalid(param="secret") from None
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise SecretInvalid(param="secret")
    return key


def sign(event_id: str, body: bytes, keys: Sequence[str], now_s: int) -> dict[str, str]:
    """The headers that sign `body` with every secret in `keys`. `now_s` is the unix time of this try."""
    standard = " ".join(_standard(event_id, str(now_s), body, secret) for secret in keys)
    short = ",".join(f"v1={_short(str(now_s), body, secret)}" for secret in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": standard,
        "X-Webhook-Id": event_id,
        "X-Webhook-Signature": f"t={now_s},{short}",
    }


def verify(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> None:
    """Check the Standard Webhooks headers (names in lower case) over the raw body. Raises WebhookSignatureInvalid."""
    sent_at = headers.get("webhook-timestamp", "")
    expected = _standard(headers.get("webhook-id", ""), sent_at, body, secret)
    _check(sent_at, headers.get("webhook-signature", "").split(" "), expected, now_s)


def verify_short(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> None:
    """Check `x-webhook-signature` over the raw body. Raises WebhookSignatureInvalid."""
    parts = [part.partition("=") for part in headers.get("x-webhook-signature", "").split(",")]
    sent_at = next((value for name, _, value in parts if name == "t"), "")
    _check(sent_at, [value for name, _, value in parts if name == "v1"], _short(sent_at, body, secret), now_s)


def _check(sent_at: str, given: Sequence[str], expected: str, now_s: float) -> None:
    fresh = sent_at.isascii() and sent_at.isdigit() and abs(now_s - int(sent_at[:12])) <= TOLERANCE_S
    # All are compared, each in constant time, so that the time taken reveals nothing about the expected value.
    matches = [hmac.compare_digest(one.encode(), expected.encode()) for one in given]
    if not fresh or not any(matches):
        raise WebhookSignatureInvalid


def _standard(event_id: str, sent_at: str, body: bytes, secret: str) -> str:
    digest = hmac.digest(decode(secret), f"{event_id}.{sent_at}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def _short(sent_at: str, body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), f"{sent_at}.".encode() + body, "sha256").hex()
