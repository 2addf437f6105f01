"""Settings: one frozen value, built once from the environment and checked at start. Errors name the variable."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from checkie.kernel import Keyring

T = TypeVar("T")
_LEVELS: Final = ("debug", "info", "warning", "error")


class SettingsError(Exception):
    """A setting is missing or breaks its rule; the message names the variable and the rule, never the value."""


def _setting(variable: str, doc: str, parse: Callable[[str], T], default: str | None) -> T:
    """A field that `load` fills from `variable`. Without a default the variable must be set."""
    value: T = field(metadata={"variable": variable, "doc": doc, "parse": parse, "default": default}, repr=False)
    return value


def _text(value: str) -> str:
    return value


def _maybe(value: str) -> str | None:
    return value or None


def _flag(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return value == "1"


def _count(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return parse


def _url(value: str) -> str:
    parts = _split(value, "must be an http or https URL without query or fragment")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL without query or fragment")
    return value.rstrip("/")


def _database(value: str) -> str | None:
    if value and _split(value, "must be a postgresql:// URL").scheme not in ("postgresql", "postgres"):
        raise ValueError("must be a postgresql:// URL")
    return value or None


def _split(value: str, rule: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        raise ValueError(rule) from None  # the library's message shows the value


def _level(value: str) -> str:
    if value not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}")
    return value


def _plan_cache_mode(value: str) -> str:
    if value not in ("force_generic_plan", "auto"):
        raise ValueError("must be force_generic_plan or auto")
    return value


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be networks such as 10.1.0.0/16, separated by commas") from None


def _keyring(value: str) -> Keyring | None:
    if not value:
        return None
    try:
        pairs = [part.strip().split(":", 1) for part in value.split(",")]
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in pairs}
        return Keyring(pairs[0][0], keys)
    except ValueError:
        raise ValueError(
            "must be id:key pairs separated by commas, each key 32 bytes in base64, newest first"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator can set."""

    data: Path = _setting(
        "CHECKIE_DATA", "Folder of the embedded PostgreSQL and of generated secrets.", Path, ".checkie"
    )
    database_url: str | None = _setting(
        "CHECKIE_DATABASE_URL",
        "PostgreSQL for the application, as a role that owns nothing (`checkie_app`). Empty: the embedded server.",
        _database,
        "",
    )
    database_owner_url: str | None = _setting(
        "CHECKIE_DATABASE_OWNER_URL",
        "PostgreSQL as the owner, for `checkie migrate` alone, where CHECKIE_DATABASE_URL is set.",
        _database,
        "",
    )
    pool_size: int = _setting("CHECKIE_POOL_SIZE", "Most database connections of one process.", _count(2, 200), "20")
    plan_cache_mode: str = _setting(
        "CHECKIE_DATABASE_PLAN_CACHE_MODE",
        "How PostgreSQL plans the short statements: force_generic_plan, or auto where it is distributed (Citus).",
        _plan_cache_mode,
        "force_generic_plan",
    )
    host: str = _setting("CHECKIE_HOST", "Address that `serve` listens on.", _text, "127.0.0.1")
    port: int = _setting("CHECKIE_PORT", "Port that `serve` listens on.", _count(1, 65535), "8000")
    worker_metrics_port: int = _setting(
        "CHECKIE_WORKER_METRICS_PORT", "Port of `worker` for Prometheus. 0: none.", _count(0, 65535), "0"
    )
    public_url: str = _setting("CHECKIE_PUBLIC_URL", "Where buyers' browsers reach us.", _url, "http://127.0.0.1:8000")
    keyring: Keyring | None = _setting(
        "CHECKIE_SECRET_KEYS",
        "Keys that seal secrets at rest: `id:base64` of 32 bytes each, comma-separated, newest first. "
        "Empty: a key is made and kept in CHECKIE_DATA.",
        _keyring,
        "",
    )
    log_level: str = _setting("CHECKIE_LOG_LEVEL", "debug, info, warning or error.", _level, "info")
    dev: bool = _setting("CHECKIE_DEV", "1 serves /dev/parts, the page of all parts.", _flag, "0")
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = _setting(
        "CHECKIE_WEBHOOK_NETWORKS",
        "Private networks that merchants' webhook endpoints may lie in, e.g. 10.1.0.0/16. Others are refused.",
        _networks,
        "",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        "CHECKIE_TRUSTED_PROXIES",
        "Networks of the proxies in front, e.g. 10.0.0.0/8. Their X-Forwarded-For says who visits; no other is read.",
        _networks,
        "",
    )
    simulator_url: str | None = _setting(
        "CHECKIE_SIMULATOR_URL", "Where the payment simulator is. Empty: no simulator.", _maybe, ""
    )
    simulator_api_key: str = _setting("CHECKIE_SIMULATOR_API_KEY", "Key for calls to the simulator.", _text, "")
    simulator_webhook_secret: str = _setting(
        "CHECKIE_SIMULATOR_WEBHOOK_SECRET", "Secret that the simulator signs its webhooks with.", _text, ""
    )
    stripe_secret_key: str | None = _setting(
        "CHECKIE_STRIPE_SECRET_KEY", "Stripe's secret key. Empty: no Stripe.", _maybe, ""
    )
    stripe_publishable_key: str = _setting(
        "CHECKIE_STRIPE_PUBLISHABLE_KEY", "Stripe's publishable key, for the browser.", _text, ""
    )
    stripe_webhook_secret: str = _setting(
        "CHECKIE_STRIPE_WEBHOOK_SECRET", "Secret (`whsec_…`) of the Stripe webhook endpoint.", _text, ""
    )
    stripe_api_base: str | None = _setting(
        "CHECKIE_STRIPE_API_BASE", "Another address for Stripe's API, for tests.", _maybe, ""
    )
    stripe_js_url: str = _setting(
        "CHECKIE_STRIPE_JS_URL", "Where browsers load Stripe.js from.", _text, "https://js.stripe.com/v3/"
    )
    stripe_checkout_url: str = _setting(
        "CHECKIE_STRIPE_CHECKOUT_URL",
        "Where Stripe's own payment page is: your custom domain, if you have one there.",
        _url,
        "https://checkout.stripe.com",
    )

    def __post_init__(self) -> None:
        pairs = (
            ("CHECKIE_SIMULATOR_URL", self.simulator_url, "CHECKIE_SIMULATOR_API_KEY", self.simulator_api_key),
            (
                "CHECKIE_SIMULATOR_URL",
                self.simulator_url,
                "CHECKIE_SIMULATOR_WEBHOOK_SECRET",
                self.simulator_webhook_secret,
            ),
            (
                "CHECKIE_STRIPE_SECRET_KEY",
                self.stripe_secret_key,
                "CHECKIE_STRIPE_WEBHOOK_SECRET",
                self.stripe_webhook_secret,
            ),
            (
                "CHECKIE_STRIPE_SECRET_KEY",
                self.stripe_secret_key,
                "CHECKIE_STRIPE_PUBLISHABLE_KEY",
                self.stripe_publishable_key,
            ),
        )
        for variable, value, needed, other in pairs:
            if value and not other:
                raise SettingsError(f"{needed} must be set where {variable} is.")


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in the environment. SettingsError names the variable that breaks its rule."""
    given = os.environ if environment is None else environment
    known = {item.metadata["variable"] for item in fields(Settings)}
    strangers = sorted(name for name in given if name.startswith("CHECKIE_") and name not in known)
    if strangers:
        raise SettingsError(f"{strangers[0]} is not a setting. Look at docs/generated/settings.md for those there are.")
    return Settings(**{item.name: _read(item.metadata, given) for item in fields(Settings)})


def _read(metadata: Mapping[str, Any], given: Mapping[str, str]) -> Any:
    variable = metadata["variable"]
    text = given.get(variable, metadata["default"])
    if text is None:
        raise SettingsError(f"{variable} must be set: {metadata['doc']}")
    try:
        return metadata["parse"](text.strip())
    except ValueError as error:
        raise SettingsError(f"{variable} {error}.") from None
