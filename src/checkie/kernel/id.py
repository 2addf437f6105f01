"""Ids that know their store: UUIDv8, spelled `prefix_` and 26 characters of Crockford's base32."""

from __future__ import annotations

import itertools
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar, Final, Self
from uuid import UUID

_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [high + low for high in _CROCKFORD for low in _CROCKFORD]
_TO_PYTHON: Final = str.maketrans(_CROCKFORD, "0123456789abcdefghijklmnopqrstuv")
_LENGTH: Final = 26
_VERSION: Final = 8
_VARIANT: Final = 2
_LARGEST_STORE: Final = 2**31 - 1  # PostgreSQL's int has a sign
_counter = itertools.count(secrets.randbits(12))


class Id(str):
    """One spelling everywhere: in the URL, the log line and the test failure; in a row it is a `uuid`.

    The 128 bits are RFC 9562's version 8: 48 of milliseconds, 12 of a counter, 32 of the store's number and 30 random,
    so ids sort by time and every id names its store. They are not secrets.
    """

    __slots__ = ()
    prefix: ClassVar[str]

    @classmethod
    def new(cls, store: int, now: datetime) -> Self:
        """A new id for a resource of `store`, created at `now`."""
        ms = int(now.timestamp() * 1000) & (2**48 - 1)
        high = ms << 16 | _VERSION << 12 | next(_counter) & 0xFFF
        low = _VARIANT << 62 | store << 30 | int.from_bytes(secrets.token_bytes(4)) >> 2
        return cls._spell(high << 64 | low)

    @classmethod
    def parse(cls, text: str, *, store: int | None = None) -> Self:
        """The id that `text` spells. ValueError for another kind, length, alphabet or version.

        `store`: the number of the caller's store, where that is known; ValueError for an id of another store.
        """
        start = len(cls.prefix) + 1
        if not text.startswith(f"{cls.prefix}_") or len(text) != start + _LENGTH:
            raise ValueError(f"not a {cls.__name__}: expected {cls.prefix}_ and {_LENGTH} characters")
        body = text[start:]
        if not set(body) <= set(_CROCKFORD) or body[0] > "7":
            raise ValueError(f"not a {cls.__name__}: expected Crockford base32 in lower case")
        found = cls(text)
        if found.number >> 76 & 0xF != _VERSION or found.number >> 62 & 0b11 != _VARIANT:
            raise ValueError(f"not a {cls.__name__}: expected a version 8 UUID")
        if found.store > _LARGEST_STORE:
            raise ValueError(f"not a {cls.__name__}: there is no such store number")
        if store is not None and found.store != store:
            raise ValueError(f"not a {cls.__name__} of this store")
        return found

    @classmethod
    def of(cls, uuid: UUID) -> Self:
        """The id that a row holds."""
        return cls._spell(uuid.int)

    @classmethod
    def of_or_none(cls, uuid: UUID | None) -> Self | None:
        """The id that a row may hold."""
        return None if uuid is None else cls._spell(uuid.int)

    @property
    def number(self) -> int:
        """All 128 bits."""
        return _number(self[len(self.prefix) + 1 :])

    @property
    def uuid(self) -> UUID:
        """What a row holds."""
        return UUID(int=self.number)

    @property
    def made_at(self) -> datetime:
        """When it was created, to the millisecond."""
        return datetime.fromtimestamp((self.number >> 80) / 1000, UTC)

    @property
    def store(self) -> int:
        """The number of the store that it belongs to."""
        return self.number >> 30 & 0xFFFF_FFFF

    @classmethod
    def _spell(cls, number: int) -> Self:
        return cls(f"{cls.prefix}_{_spelling(number)}")


# An id is spelled and parsed many times in one request.
@lru_cache(maxsize=8192)
def _spelling(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


@lru_cache(maxsize=8192)
def _number(spelling: str) -> int:
    return int(spelling.translate(_TO_PYTHON), 32)
