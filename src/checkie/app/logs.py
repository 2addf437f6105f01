"""Logs: one JSON object per line, with request, session and payment ids and without secrets."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Final

import structlog

_SECRET_NAMES: Final = re.compile(
    r"secret|password|passwd|authorization|api_?key|token|cookie|cvc|cvv|card_number|signature|private", re.IGNORECASE
)
_SECRET_VALUES: Final = re.compile(
    r"(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]+"
    r"|whs(?:ec|k)_[0-9A-Za-z+/=]+"
    r"|(?<![A-Za-z0-9])[A-Za-z0-9]+_secret_[0-9A-Za-z]+"
    r"|(?i:bearer)\s+[0-9A-Za-z._~+/=-]+"
    r"|postgres(?:ql)?://[^\s@/]+:[^\s@]+@"
    r"|(?<![\w-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5})(?![\w-])"
)
_OURS: Final = frozenset({"level", "timestamp", "method", "route", "status", "ms"})
"""Fields of every request that we set ourselves: they contain no input from outside."""
_MASK: Final = "[redacted]"
_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str) -> None:
    """Configure the logging of this process. Call it once, at start."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: _lines,
        cache_logger_on_first_use=True,
    )


class _Lines:
    """Writes to standard error: all lines of one iteration of the event loop in one write."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    def msg(self, line: str) -> None:
        """Write a line: with the others of this iteration, or at once if no event loop runs."""
        self._waiting.append(line)
        if len(self._waiting) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self._write)
        except RuntimeError:
            self._write()

    debug = info = warning = error = critical = exception = msg

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        sys.stderr.write("\n".join([*lines, ""]))
        sys.stderr.flush()


_lines: Final = _Lines()


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values whose name says that they are secret, and what looks like a secret or a card number in any text."""
    for key, value in event.items():
        if key not in _OURS:
            event[key] = _MASK if _is_secret(key) else _clean(value)
    return event


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _clean(value: object) -> object:
    if isinstance(value, str):
        return _SECRET_VALUES.sub(_MASK, value) if len(value) > _MAX_HARMLESS_LENGTH else value
    if isinstance(value, dict):
        return {_clean(str(key)): _MASK if _is_secret(str(key)) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean(repr(value))  # as the renderer would do after us


_MAX_HARMLESS_LENGTH: Final = 11
"""A text of this length or shorter cannot contain a secret: a card number has at least 13 digits."""
