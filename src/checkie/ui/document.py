"""A page that is the same for all readers except for a few values: rendered once, compressed once.

Deflate allows a stream to be assembled from pieces: what is the same is compressed in advance, and the values go in
between uncompressed. That costs microseconds where compressing would cost hundreds, and a secret is never compressed
together with other text, so that the length of an answer says nothing about it (the BREACH attack).
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HOLE: Final = f"\ue000{secrets.token_hex(8)}\ue000"
"""What a template writes where a value goes. Random in each process, so that no text from outside contains it."""
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_MAX_STORED_BYTES: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Document:
    """The pieces between the holes, plain and compressed."""

    plain: tuple[bytes, ...]
    deflated: tuple[bytes, ...]

    @classmethod
    def of(cls, text: str, level: int = 9) -> Document:
        """The document in a rendered template."""
        plain = tuple(piece.encode() for piece in text.split(HOLE))
        deflated = [_deflate(piece, level, is_last=False) for piece in plain[:-1]]
        return cls(plain, (*deflated, _deflate(plain[-1], level, is_last=True)))

    def fill(self, values: Sequence[bytes]) -> bytes:
        """The document with these values in its holes, in order."""
        body = [self.plain[0]]
        for value, piece in zip(values, self.plain[1:], strict=True):
            body += (value, piece)
        return b"".join(body)

    def fill_gzip(self, values: Sequence[bytes]) -> bytes:
        """The same as a gzip stream (RFC 1951, 1952)."""
        crc, size, stream = zlib.crc32(self.plain[0]), len(self.plain[0]), [_HEADER, self.deflated[0]]
        for value, piece, deflated in zip(values, self.plain[1:], self.deflated[1:], strict=True):
            crc = zlib.crc32(piece, zlib.crc32(value, crc))
            size += len(value) + len(piece)
            stream += (_stored(value), value, deflated)
        stream.append(crc.to_bytes(4, "little") + (size & 0xFFFF_FFFF).to_bytes(4, "little"))
        return b"".join(stream)


def _deflate(piece: bytes, level: int, *, is_last: bool) -> bytes:
    """Whole blocks that end on a byte boundary and refer to nothing before them."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(piece) + compressor.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)


def _stored(value: bytes) -> bytes:
    """The header of a block that is not compressed."""
    if len(value) > _MAX_STORED_BYTES:
        raise ValueError("a value is at most 65,535 bytes")
    length = len(value)
    return b"\x00" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
