"""The simulator's API keys."""

from __future__ import annotations

import hashlib


def publishable_key(api_key: str) -> str:
    """The key that browsers may see, derived from the secret one."""
    return "pk_sim_" + hashlib.sha256(b"publishable:" + api_key.encode()).hexdigest()[:24]
