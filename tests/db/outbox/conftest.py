"""What the consumers log of injected faults is captured: printing their tracebacks takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """The log entries of the running test."""
    with capture_logs() as entries:
        yield entries
