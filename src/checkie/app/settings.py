"""Settings: one frozen value, built once from the environment and checked at start."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from checkie.kernel import Keyring

_PREFIX: Final = "CHECKIE_"


class SettingsError(Exception):
    """A setting is missing or breaks its rule. The message names the variable and the rule, never the value."""


def _none_if_empty(text: str) -> str | None:
    return text or None


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not minimum <= int(text) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def _http_url(text: str) -> str:
    rule = "must be an http or https URL without query or fragment"
    parts = _split(text, rule)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(rule)
    return text.rstrip("/")


def _database_url(text: str) -> str | None:
    rule = "must be a postgresql:// URL"
    if text and _split(text, rule).scheme not in ("postgresql", "postgres"):
        raise ValueError(rule)
    return text or None


def _split(text: str, rule: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError(rule) from None  # the library's message contains the value


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be networks such as 10.1.0.0/16, separated by commas") from None


def _keyring(text: str) -> Keyring | None:
    if not text:
        return None
    try:
        pairs = [part.strip().split(":", 1) for part in text.split(",")]
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in pairs}
        return Keyring(pairs[0][0], keys)
    except ValueError:
        raise ValueError(
            "must be id:key pairs separated by commas, each key 32 bytes in base64, newest first"
        ) from None


OptionalText: TypeAlias = Annotated[str | None, BeforeValidator(_none_if_empty)]
Flag: TypeAlias = Annotated[bool, BeforeValidator(_flag)]
Port: TypeAlias = Annotated[int, BeforeValidator(_whole_number(1, 65535))]
PortOrNone: TypeAlias = Annotated[int, BeforeValidator(_whole_number(0, 65535))]
PoolSize: TypeAlias = Annotated[int, BeforeValidator(_whole_number(2, 200))]
HttpUrl: TypeAlias = Annotated[str, BeforeValidator(_http_url)]
DatabaseUrl: TypeAlias = Annotated[str | None, BeforeValidator(_database_url)]
Networks: TypeAlias = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)]
Keys: TypeAlias = Annotated[Keyring | None, BeforeValidator(_keyring)]


class Settings(BaseSettings):
    """What an operator can set. The alias of a field is its variable, its description is the documentation."""

    model_config = SettingsConfigDict(
        alias_generator=lambda name: f"{_PREFIX}{name.upper()}",
        case_sensitive=True,
        enable_decoding=False,  # the validators above parse; nothing is JSON
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    data: Path = Field(Path(".checkie"), description="Folder of the embedded PostgreSQL and of generated secrets.")
    database_url: DatabaseUrl = Field(
        None,
        description="PostgreSQL for the application, as a role that owns nothing (`checkie_app`). "
        "Empty: the embedded server.",
    )
    database_owner_url: DatabaseUrl = Field(
        None, description="PostgreSQL as the owner, only for `checkie migrate` where CHECKIE_DATABASE_URL is set."
    )
    database_reporting_url: DatabaseUrl = Field(
        None,
        description="PostgreSQL for reports, lists and `doctor`: a replica, if there is one. "
        "Empty: CHECKIE_DATABASE_URL.",
    )
    pool_size: PoolSize = Field(20, description="Maximum number of database connections of one process.")
    plan_cache_mode: Literal["force_generic_plan", "auto"] = Field(
        "force_generic_plan",
        validation_alias=f"{_PREFIX}DATABASE_PLAN_CACHE_MODE",
        description="How PostgreSQL plans short statements: force_generic_plan, or auto where it is distributed "
        "(Citus).",
    )
    host: str = Field("127.0.0.1", description="Address that `serve` listens on.")
    port: Port = Field(8000, description="Port that `serve` listens on.")
    worker_metrics_port: PortOrNone = Field(0, description="Port on which `worker` serves Prometheus metrics. 0: none.")
    public_url: HttpUrl = Field("http://127.0.0.1:8000", description="Base URL of this installation for buyers.")
    keyring: Keys = Field(
        None,
        validation_alias=f"{_PREFIX}SECRET_KEYS",
        description="Keys that encrypt secrets at rest: `id:base64` of 32 bytes each, comma-separated, newest first. "
        "Empty: a key is generated and kept in CHECKIE_DATA.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error."
    )
    dev: Flag = Field(default=False, description="1 serves /dev/parts, the page of all parts.")
    webhook_networks: Networks = Field(
        (),
        description="Private networks that merchants' webhook endpoints may be in, e.g. 10.1.0.0/16. Others are "
        "refused.",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks of the reverse proxies, e.g. 10.0.0.0/8. X-Forwarded-For is read only from these.",
    )
    simulator_url: OptionalText = Field(None, description="URL of the payment simulator. Empty: no simulator.")
    simulator_api_key: str = Field("", description="API key for the simulator.")
    simulator_webhook_secret: str = Field("", description="Secret with which the simulator signs its webhooks.")
    stripe_secret_key: OptionalText = Field(None, description="Stripe's secret key. Empty: no Stripe.")
    stripe_publishable_key: str = Field("", description="Stripe's publishable key, for the browser.")
    stripe_webhook_secret: str = Field("", description="Secret (`whsec_…`) of the Stripe webhook endpoint.")
    stripe_api_base: OptionalText = Field(None, description="Another base URL for Stripe's API, for tests.")
    stripe_js_url: str = Field("https://js.stripe.com/v3/", description="Where browsers load Stripe.js from.")
    stripe_checkout_url: HttpUrl = Field(
        "https://checkout.stripe.com",
        description="Base URL of Stripe's own payment page: your custom domain, if you have one at Stripe.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _strip(cls, text: str) -> str:
        return text.strip()

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        for needing, needed in _PAIRS:
            if getattr(self, needing) and not getattr(self, needed):
                raise ValueError(f"{variable(needed)} must be set where {variable(needing)} is")
        return self

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """No values: many are secret."""
        return ()


_PAIRS: Final = (
    ("simulator_url", "simulator_api_key"),
    ("simulator_url", "simulator_webhook_secret"),
    ("stripe_secret_key", "stripe_webhook_secret"),
    ("stripe_secret_key", "stripe_publishable_key"),
)
"""Where the first is set, the second must be."""


def variable(field: str) -> str:
    """The environment variable of a field of Settings."""
    return str(Settings.model_fields[field].validation_alias)


def load(overrides: Mapping[str, str] | None = None) -> Settings:
    """The settings in the environment. `overrides` are variables that take precedence. Raises SettingsError."""
    given: dict[str, Any] = {name: text for name, text in (overrides or {}).items() if name.startswith(_PREFIX)}
    known = {variable(field) for field in Settings.model_fields}
    unknown = sorted(name for name in {*os.environ, *given} if name.startswith(_PREFIX) and name not in known)
    if unknown:
        raise SettingsError(f"{unknown[0]} is not a setting. docs/generated/settings.md lists all settings.")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_message(error)) from None


def _message(error: ValidationError) -> str:
    """The first violation: the variable and the rule."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    rule = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{' '.join([*map(str, first['loc'][:1]), rule])}."
