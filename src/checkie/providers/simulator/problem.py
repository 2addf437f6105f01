"""What the simulator answers when it cannot do what it is asked.

Not a `kernel.Refusal`: those are the words of our own API, and this is another program's.
"""

from __future__ import annotations


class Problem(Exception):
    """An error of the caller, or one that the simulator was told to make, with its HTTP status and wire code."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param


def invalid(message: str, *, param: str) -> Problem:
    """A field of the request holds something that makes no sense."""
    return Problem(422, "invalid", message, param=param)
