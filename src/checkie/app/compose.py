"""Put the parts of a process together."""

from __future__ import annotations

import base64
import fcntl
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checkie import catalog, checkout, stores
from checkie.app import embedded
from checkie.app.clock import system_now
from checkie.app.settings import Settings
from checkie.db import Database
from checkie.db.conflicts import Constraints
from checkie.kernel import Keyring
from checkie.payments.port import Provider, Providers
from checkie.providers.simulator import Simulator
from checkie.storefront import ProviderPage, ProviderPages
from checkie.web import Services

CONSTRAINTS: Final[Constraints] = {**stores.CONSTRAINTS, **catalog.CONSTRAINTS}
"""Which refusal a violated constraint becomes, of all modules."""


@dataclass(frozen=True)
class Urls:
    """The database URLs of the application and of migrations (None: this process has none)."""

    app: str
    owner: str | None


@contextmanager
def database(settings: Settings) -> Iterator[Urls]:
    """The database that the settings name, or the embedded one (reused if it runs, else run while this lasts)."""
    if settings.database_url:
        yield Urls(settings.database_url, settings.database_owner_url)
        return
    server = embedded.start(settings.data)
    try:
        yield Urls(server.url(), server.owner_url())
    finally:
        if server.started_here:
            embedded.stop(server)


def keyring(settings: Settings) -> Keyring:
    """The keys of the settings, or one that is made once and kept in the data folder."""
    if settings.keyring:
        return settings.keyring
    kept = remember(settings.data, "keyring", lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    return Keyring("k1", {"k1": base64.b64decode(kept)})


def remember(data: Path, name: str, make: Callable[[], str]) -> str:
    """A generated secret of this installation: made on first use, kept in DATA/secrets.json, readable by us alone."""
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


def providers(settings: Settings) -> dict[str, Provider]:
    """The providers that the settings configure, by name."""
    found: dict[str, Provider] = {}
    if settings.simulator_url:
        found["simulator"] = Simulator(
            settings.simulator_url, settings.simulator_api_key, settings.simulator_webhook_secret
        )
    if settings.stripe_secret_key:
        from checkie.providers.stripe import Stripe  # noqa: PLC0415  its SDK is large: only who uses it pays

        found["stripe"] = Stripe(
            settings.stripe_secret_key,
            settings.stripe_webhook_secret,
            settings.stripe_publishable_key,
            api_base=settings.stripe_api_base,
        )
    return found


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
    try:
        async with hot as db, Database.reporting(urls.app) as reports:
            yield Services(
                db=db,
                reports=reports,
                now=system_now,
                keyring=keyring(settings),
                public_url=settings.public_url,
                proxies=settings.trusted_proxies,
                parts=(Providers(configured), ProviderPages(provider_pages(settings)), checkout.PageCache()),
            )
    finally:
        for provider in configured.values():
            await provider.aclose()
