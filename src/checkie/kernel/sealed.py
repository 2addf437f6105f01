"""Secrets at rest: AES-256-GCM with key ids, so that keys can be rotated."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_LONGEST_ID = 255


@dataclass(frozen=True, slots=True)
class Keyring:
    """Seals with the `current` key, opens with any key it holds. `context` must be the same at both ends."""

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
