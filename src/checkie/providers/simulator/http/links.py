"""The URLs of an intent, and what servers and browsers are shown of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from checkie.providers.simulator.bank import cards, intents
from checkie.providers.simulator.bank.intents import Intent, State


def publishable_key(api_key: str) -> str:
    """The API key that browsers may see, derived from the secret one."""
    return "pk_sim_" + hashlib.sha256(b"publishable:" + api_key.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Links:
    """`public_url` is where browsers reach the simulator, without a slash at its end."""

    public_url: str
    publishable_key: str

    def hosted(self, intent: Intent) -> str:
        """The URL of the hosted card page."""
        return f"{self.public_url}/pay/{intent.id}?secret={intent.client_secret}"

    def challenge(self, intent: Intent) -> str:
        """The URL of the 3-D Secure page."""
        return f"{self.public_url}/v1/intents/{intent.id}/authenticate?secret={intent.client_secret}"

    def for_server(self, intent: Intent) -> dict[str, Any]:
        """The complete intent, for the merchant's server."""
        return {
            **intents.as_json(intent),
            "client_secret": intent.client_secret,
            "confirm_url": f"{self.public_url}/v1/intents/{intent.id}/confirm",
            "hosted_url": self.hosted(intent),
            "publishable_key": self.publishable_key,
        }

    def for_browser(self, intent: Intent) -> dict[str, Any]:
        """The status of the intent, and the next action, for the buyer's browser."""
        if intent.status is State.REQUIRES_ACTION:
            return {"status": intent.status, "next_action": {"url": self.challenge(intent)}}
        if intent.status is State.DECLINED and intent.failure:
            code, message = cards.code_and_message(intent.failure)
            return {"status": intent.status, "code": code, "message": message}
        return {"status": intent.status}
