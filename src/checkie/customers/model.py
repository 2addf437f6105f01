"""The rules of an email address."""

from __future__ import annotations

import re
from typing import Final

from checkie.kernel import Invalid

LONGEST: Final = 254
"""RFC 5321, 4.5.3.1.3: a path is at most 256 octets, angle brackets included."""
_SHAPE: Final = re.compile(
    r"[^\s@<>(),:;\"\\\[\]]{1,64}@(?:[^\s@.<>(),:;\"\\\[\]]{1,63}\.)+[^\s@.<>(),:;\"\\\[\]]{2,63}"
)


class InvalidEmail(Invalid):
    """The email address is invalid. It must look like name@example.com and have at most 254 characters."""

    code = "email_invalid"


def parse_email(text: str) -> str:
    """The address without surrounding space. Refuses an undeliverable one (InvalidEmail)."""
    trimmed = text.strip()
    well_formed = _SHAPE.fullmatch(trimmed) and trimmed.isprintable()
    if not well_formed or len(trimmed.encode()) > LONGEST or ".." in trimmed or ".@" in trimmed or trimmed[0] == ".":
        raise InvalidEmail(param="email")
    return trimmed
