"""Secrets at rest (AES-256-GCM) and signed tokens (HMAC-SHA256), both with key ids, so that keys can be rotated."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_MAC_BYTES = 32
_LONGEST_ID = 255
_SIGNING = b"checkie/sign/1"


@dataclass(frozen=True, slots=True)
class Keyring:
    """Seals and signs with the `current` key, opens and verifies with any key it holds.

    `context` names the purpose and must be the same at both ends: what is made for one purpose is refused for another.
    """

    current: str
    keys: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if self.current not in self.keys or any(len(key) != 32 for key in self.keys.values()):
            raise ValueError("a keyring holds 32-byte keys, the current one among them")
        if any(len(key_id.encode()) > _LONGEST_ID for key_id in self.keys):
            raise ValueError("a key id is at most 255 bytes")

    def __repr__(self) -> str:
        return f"Keyring(current={self.current!r}, keys={sorted(self.keys)})"

    def seal(self, plain: bytes, context: str) -> bytes:
        """`plain` encrypted and bound to `context`: the key id with its length before it, nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        key_id = self.current.encode()
        cipher = AESGCM(self.keys[self.current])
        return bytes([len(key_id)]) + key_id + nonce + cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed. ValueError when the key is gone, the context another, or a bit changed."""
        start = sealed[0] + 1 if sealed else 0
        key_id, rest = sealed[1:start].decode(errors="replace"), sealed[start:]
        key = self.keys.get(key_id)
        if key is None or len(rest) <= _NONCE_BYTES:
            raise ValueError("sealed with a key that this keyring lacks")
        try:
            return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise ValueError("not sealed by this key for this context") from None

    def sign(self, text: str, context: str) -> str:
        """A token that holds `text`, readable by anybody, and proves that this keyring made it for `context`.

        It is made of letters, digits, `-` and `_`, and is valid as long as the keyring holds the key.
        """
        key_id = self.current.encode()
        mac = _mac(self.keys[self.current], text.encode(), context)
        return _encode(bytes([len(key_id)]) + key_id + mac + text.encode())

    def verify(self, token: str, context: str) -> str | None:
        """The text in a token that `sign` made for `context`; None for every other token."""
        signed = _decode(token)
        start = signed[0] + 1 if signed else 0
        key_id, mac, text = signed[1:start], signed[start : start + _MAC_BYTES], signed[start + _MAC_BYTES :]
        key = self.keys.get(key_id.decode(errors="replace"))
        if key is None or not hmac.compare_digest(mac, _mac(key, text, context)):
            return None
        return text.decode()


def _mac(key: bytes, text: bytes, context: str) -> bytes:
    """The MAC under a key derived for signing, so that no key both encrypts and signs."""
    purpose = context.encode()
    signing_key = hmac.digest(key, _SIGNING, "sha256")
    return hmac.digest(signing_key, len(purpose).to_bytes(4, "big") + purpose + text, "sha256")


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(token: str) -> bytes:
    """What `_encode` spelled so; empty for any other spelling."""
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return b""
    return data if _encode(data) == token else b""
