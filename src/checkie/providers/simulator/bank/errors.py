"""The simulator's own errors.

Not a `kernel.Refusal`: those belong to our API, and the simulator is another program.
"""

from __future__ import annotations


class SimulatorError(Exception):
    """A request that the simulator refuses, or fails on demand: its code, HTTP status, message, and the field."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param


def invalid(message: str, *, param: str) -> SimulatorError:
    """A field of the request is invalid."""
    return SimulatorError(422, "invalid", message, param=param)
