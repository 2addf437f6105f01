"""Settings: errors name the variable and its rule, never the value."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Final

import pytest
from pydantic import ValidationError

from checkie.app.settings import Settings, SettingsError, load, variable

KEY: Final = base64.b64encode(b"k" * 32).decode()
OTHER: Final = base64.b64encode(b"o" * 32).decode()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CHECKIE_")]:  # noqa: TID251 so that none is left
        monkeypatch.delenv(name)


class TestLoad:
    def test_without_variables_gives_an_installation_on_this_machine(self) -> None:
        settings = load({})
        assert (settings.data, settings.host, settings.port) == (Path(".checkie"), "127.0.0.1", 8000)
        assert (settings.database_url, settings.keyring, settings.webhook_networks) == (None, None, ())

    def test_parses_each_type(self) -> None:
        settings = load(
            {
                "CHECKIE_PORT": " 9000 ",
                "CHECKIE_PUBLIC_URL": "https://pay.example/",
                "CHECKIE_SECRET_KEYS": f"k2:{KEY}, k1:{OTHER}",
                "CHECKIE_WEBHOOK_NETWORKS": "10.1.0.0/16, fd00::/8",
                "CHECKIE_TRUSTED_PROXIES": "10.2.0.0/16",
                "CHECKIE_DEV": "1",
            }
        )
        assert (settings.port, settings.public_url, settings.dev) == (9000, "https://pay.example", True)
        assert settings.keyring is not None
        assert (settings.keyring.current, sorted(settings.keyring.keys)) == ("k2", ["k1", "k2"])
        assert [str(network) for network in settings.webhook_networks] == ["10.1.0.0/16", "fd00::/8"]
        assert [str(network) for network in settings.trusted_proxies] == ["10.2.0.0/16"]

    def test_reads_the_environment_and_overrides_take_precedence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHECKIE_DATA", "/srv/data")
        monkeypatch.setenv("CHECKIE_PORT", "9000")
        settings = load({"CHECKIE_DATA": "/srv/other"})
        assert (settings.data, settings.port) == (Path("/srv/other"), 9000)

    def test_reads_the_reporting_database(self) -> None:
        settings = load({"CHECKIE_DATABASE_REPORTING_URL": "postgresql://checkie_app@replica/checkie"})
        assert settings.database_reporting_url == "postgresql://checkie_app@replica/checkie"

    def test_ignores_other_variables(self) -> None:
        assert load({"PATH": "/bin", "PGPASSWORD": "x"}) == load({})

    def test_settings_cannot_be_changed(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            load().port = 9000

    def test_keys_encrypt_and_decrypt(self) -> None:
        for key_id in ("k1", "2026-03", "2026.03"):
            try:
                keyring = load({"CHECKIE_SECRET_KEYS": f"{key_id}:{KEY}"}).keyring
            except SettingsError:
                continue
            assert keyring is not None
            assert keyring.open(keyring.seal(b"x", "c"), "c") == b"x"


BAD: Final = [
    ("CHECKIE_PORT", "0x1F90"),
    ("CHECKIE_PORT", "70000"),
    ("CHECKIE_PORT", "-80808"),
    ("CHECKIE_PORT", "８０００"),
    ("CHECKIE_POOL_SIZE", "1"),
    ("CHECKIE_DEV", "yes-please"),
    ("CHECKIE_LOG_LEVEL", "chatty"),
    ("CHECKIE_PUBLIC_URL", "pay.example"),
    ("CHECKIE_PUBLIC_URL", "ftp://pay.example"),
    ("CHECKIE_PUBLIC_URL", "https://pay.example/?q=hunter2"),
    ("CHECKIE_PUBLIC_URL", "https://u:hunter2@pay\u2100.example"),
    ("CHECKIE_PUBLIC_URL", "https://[hunter2"),
    ("CHECKIE_DATABASE_URL", "mysql://u:hunter2@db/x"),
    ("CHECKIE_DATABASE_URL", "postgresql://u:hunter2\u2100@db/x"),
    ("CHECKIE_DATABASE_OWNER_URL", "u:hunter2@db"),
    ("CHECKIE_DATABASE_REPORTING_URL", "mysql://u:hunter2@db/x"),
    ("CHECKIE_DATABASE_PLAN_CACHE_MODE", "force_custom_plan"),
    ("CHECKIE_WEBHOOK_NETWORKS", "10.1.2.3.4"),
    ("CHECKIE_WEBHOOK_NETWORKS", "10.1.2.3/8"),
    ("CHECKIE_SECRET_KEYS", "hunter2hunter2"),
    ("CHECKIE_SECRET_KEYS", "k1:hunter2hunter2"),
    ("CHECKIE_SECRET_KEYS", f"k1:{KEY}hunter2"),
    ("CHECKIE_SECRET_KEYS", f"k1:{KEY},k2:{KEY[:10]}"),
]


class TestABadSetting:
    @pytest.mark.parametrize(("variable", "value"), BAD)
    def test_is_named_without_its_value(self, variable: str, value: str) -> None:
        with pytest.raises(SettingsError) as refused:
            load({variable: value})
        message = str(refused.value)
        assert message.startswith(f"{variable} ")
        assert value not in message
        assert "hunter2" not in message
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__

    @pytest.mark.parametrize(("variable", "value"), BAD)
    def test_is_reported_with_its_rule(self, variable: str, value: str) -> None:
        with pytest.raises(SettingsError, match="must be"):
            load({variable: value})

    def test_with_an_unknown_name_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(SettingsError, match="CHECKIE_PROT is not a setting") as refused:
            load({"CHECKIE_PROT": "hunter2"})
        assert "hunter2" not in str(refused.value)
        monkeypatch.setenv("CHECKIE_PROT", "hunter2")
        with pytest.raises(SettingsError, match="CHECKIE_PROT is not a setting"):
            load()

    @pytest.mark.parametrize(
        ("given", "needed"),
        [
            (
                {"CHECKIE_SIMULATOR_URL": "http://s", "CHECKIE_SIMULATOR_API_KEY": "hunter2"},
                "CHECKIE_SIMULATOR_WEBHOOK_SECRET",
            ),
            (
                {"CHECKIE_SIMULATOR_URL": "http://s", "CHECKIE_SIMULATOR_WEBHOOK_SECRET": "x"},
                "CHECKIE_SIMULATOR_API_KEY",
            ),
            ({"CHECKIE_STRIPE_SECRET_KEY": "hunter2"}, "CHECKIE_STRIPE_WEBHOOK_SECRET"),
            (
                {"CHECKIE_STRIPE_SECRET_KEY": "hunter2", "CHECKIE_STRIPE_WEBHOOK_SECRET": "x"},
                "CHECKIE_STRIPE_PUBLISHABLE_KEY",
            ),
        ],
    )
    def test_that_requires_another_names_it(self, given: dict[str, str], needed: str) -> None:
        with pytest.raises(SettingsError, match=f"{needed} must be set") as refused:
            load(given)
        assert "hunter2" not in str(refused.value)


class TestRepresentation:
    def test_settings_show_no_values(self) -> None:
        settings = load(
            {
                "CHECKIE_DATABASE_URL": "postgresql://u:hunter2@db/x",
                "CHECKIE_DATABASE_OWNER_URL": "postgresql://o:hunter2@db/x",
                "CHECKIE_SECRET_KEYS": f"k1:{KEY}",
            }
        )
        assert "hunter2" not in repr(settings)
        assert KEY not in repr(settings)

    def test_every_setting_has_a_variable_and_a_description(self) -> None:
        for name, field in Settings.model_fields.items():
            assert variable(name).startswith("CHECKIE_")
            assert (field.description or "").endswith(".")
