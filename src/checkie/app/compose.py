"""Assemble the parts of a process."""

from __future__ import annotations

import base64
import fcntl
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checkie import catalog, checkout, payments, stores, webhooks
from checkie.app import embedded
from checkie.app.clock import system_now
from checkie.app.settings import Settings
from checkie.db import Database
from checkie.kernel import Keyring, Refusal
from checkie.payments.port import Provider, Providers
from checkie.providers.simulator import Simulator
from checkie.storefront import ProviderPage, ProviderPages
from checkie.web import Services

CONSTRAINTS: Final[Mapping[str, Callable[[], Refusal]]] = {
    **stores.CONSTRAINTS,
    **catalog.CONSTRAINTS,
    **payments.CONSTRAINTS,
}
"""Which refusal a violated constraint becomes, of all modules."""


@dataclass(frozen=True)
class Urls:
    """Where the database is: for the application, for migrations (None: unknown to this process), for reports."""

    app: str
    owner: str | None
    reporting: str


@contextmanager
def database(settings: Settings) -> Iterator[Urls]:
    """The database of the settings, or the embedded one: if it does not run yet, it runs until this context ends."""
    if settings.database_url:
        reporting = settings.database_reporting_url or settings.database_url
        yield Urls(settings.database_url, settings.database_owner_url, reporting)
        return
    server = embedded.start(settings.data)
    try:
        yield Urls(server.url(), server.owner_url(), server.url())
    finally:
        if server.started_here:
            embedded.stop(server)


def keyring(settings: Settings) -> Keyring:
    """The keys of the settings, or one that is generated once and kept in the data folder."""
    if settings.keyring:
        return settings.keyring
    kept = remember(settings.data, "keyring", lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    return Keyring("k1", {"k1": base64.b64decode(kept)})


def remember(data: Path, name: str, make: Callable[[], str]) -> str:
    """A secret of this installation: generated on first use and kept in DATA/secrets.json, which only we can read."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "secrets.json"
    with (data / "secrets.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if name not in known:
            known[name] = make()
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(known, indent=2))
            fresh.replace(path)
    return known[name]


def providers(settings: Settings) -> Providers:
    """The providers that the settings configure, by name."""
    found: dict[str, Provider] = {}
    if settings.simulator_url:
        found["simulator"] = Simulator(
            settings.simulator_url, settings.simulator_api_key, settings.simulator_webhook_secret
        )
    if settings.stripe_secret_key:
        from checkie.providers.stripe import Stripe  # noqa: PLC0415  its SDK is large: it is loaded only where it is used

        found["stripe"] = Stripe(
            settings.stripe_secret_key,
            settings.stripe_webhook_secret,
            settings.stripe_publishable_key,
            api_base=settings.stripe_api_base,
        )
    return Providers(found)


def provider_pages(settings: Settings) -> dict[str, ProviderPage]:
    """What the buyer's page needs to know of each provider."""
    found = {}
    if settings.simulator_url:
        found["simulator"] = ProviderPage("simulator", f"{settings.simulator_url}/fields.js", "")
    if settings.stripe_secret_key:
        found["stripe"] = ProviderPage(  # the origins are those of https://docs.stripe.com/security/guide
            "stripe",
            settings.stripe_js_url,
            settings.stripe_publishable_key,
            script_origins=("https://*.js.stripe.com",),
            frame_origins=("https://*.js.stripe.com", "https://hooks.stripe.com"),
            connect_origins=("https://api.stripe.com",),
            page_origins=(settings.stripe_checkout_url,),
        )
    return found


@asynccontextmanager
async def services(settings: Settings, urls: Urls) -> AsyncIterator[Services]:
    """What a process works with, open while this lasts."""
    hot = Database.hot(urls.app, settings.pool_size, plan_cache_mode=settings.plan_cache_mode, constraints=CONSTRAINTS)
    configured = providers(settings)
    poster = webhooks.Poster(webhooks.Guard(settings.webhook_networks))
    try:
        async with hot as db:
            yield Services(
                db=db,
                now=system_now,
                keyring=keyring(settings),
                public_url=settings.public_url,
                proxies=settings.trusted_proxies,
                parts=(configured, ProviderPages(provider_pages(settings)), checkout.PageCache(), poster),
            )
    finally:
        await poster.aclose()
        await configured.aclose()
