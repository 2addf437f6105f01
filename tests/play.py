"""A lifecycle tested in a small table language: `verb -> STATE`, or `verb ! refusal_code`; `# ...` says why."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from checkie.kernel import Conflict, Lifecycle


def play(lifecycle: Lifecycle[Any, Any, Any], script: str, *, state: StrEnum | None = None) -> None:
    """Run `script` from the start, or from `state`; each line must go as it says."""
    here: Any = lifecycle.start if state is None else state
    for line in filter(None, (raw.partition("#")[0].strip() for raw in script.splitlines())):
        verb, sign, wanted = line.split()
        if sign == "->":
            here = lifecycle.next(here, verb)[0]
            assert here == wanted, line
        else:
            with pytest.raises(Conflict) as refused:
                lifecycle.next(here, verb)
            assert refused.value.code == wanted, line


def pairs(lifecycle: Lifecycle[Any, Any, Any]) -> list[Any]:
    """Every (state, verb) there could be."""
    verbs = sorted({verb for _, verb in lifecycle.transitions})
    return [(state, verb) for state in type(lifecycle.start) for verb in verbs]
