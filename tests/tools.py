"""Tools that a group of tests needs and that may be missing: a browser, a mock server of Stripe.

    pytestmark = need("stripe-mock", "scripts/install-stripe-mock")

A test whose tool is missing is skipped by name, with the command that installs it; with CI=true it fails.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

NAMES: Final = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "stripe-mock": ("stripe-mock",),
    "localstripe": ("localstripe",),
}
_LIBRARIES: Final = {"chromium": "libatomic.so.1"}  # the driver by which Playwright speaks to Chromium is linked to it
_PLACES: Final = (Path(__file__).parents[1] / ".cache" / "bin", Path(sys.executable).parent)


def need(tool: str, install: str) -> pytest.MarkDecorator:
    """Marks a test, class or file that needs `tool`, which the command `install` installs."""
    if tool not in NAMES:
        raise KeyError(tool)
    return pytest.mark.needs(tool, install)


def find(tool: str) -> str | None:
    """Its path: in `.cache/bin`, beside our Python, or on PATH. None if it or a library that it needs is missing."""
    if tool in _LIBRARIES and not _loads(_LIBRARIES[tool]):
        return None
    on_path = os.environ.get("PATH", os.defpath)  # noqa: TID251 tests find tools as a shell does
    places = os.pathsep.join([*map(str, _PLACES), on_path])
    return next(filter(None, (shutil.which(name, path=places) for name in NAMES[tool])), None)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def require(tool: str, install: str) -> None:
    """Skips the running test if `tool` is missing; fails it where no test may be skipped."""
    if find(tool):
        return
    message = f"{tool} is missing; this installs it: {install}"
    if os.environ.get("CI") == "true":  # noqa: TID251 set by CI systems, not a setting of ours
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
