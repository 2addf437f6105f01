"""One demo for all that is sent at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack, running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, dict[str, Any]]]:
    """A demo, running, and what it says of itself."""
    with running(tmp_path_factory.mktemp("fuzz")) as found:
        yield found
