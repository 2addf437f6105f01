"""Providers are looked up by ability; none has to have all of them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from checkie.payments.port import BadSignature, Notice, ProviderNotConfigured, Providers
from tests.fakes import FakeProvider


class OnlyWebhooks:
    """A provider that takes no cards."""

    closed = False

    def translate(self, body: bytes, headers: Mapping[str, str], now_s: float) -> Notice | None:
        raise BadSignature

    async def aclose(self) -> None:
        self.closed = True


class TestProviders:
    def test_are_found_by_name_and_ability(self) -> None:
        fake, listener = FakeProvider(), OnlyWebhooks()
        providers = Providers({"fake": fake, "listener": listener})
        assert (providers.cards("fake"), providers.webhooks("fake")) == (fake, fake)
        assert providers.webhooks("listener") is listener

    def test_that_lack_an_ability_are_refused_for_it(self) -> None:
        with pytest.raises(ProviderNotConfigured):
            Providers({"listener": OnlyWebhooks()}).cards("listener")

    def test_that_are_not_configured_are_refused(self) -> None:
        providers = Providers({})
        for look_up in (providers.cards, providers.webhooks):
            with pytest.raises(ProviderNotConfigured) as refused:
                look_up("nobody")
            assert (refused.value.code, refused.value.status) == ("provider_not_configured", 409)

    async def test_are_all_closed(self) -> None:
        listener = OnlyWebhooks()
        await Providers({"fake": FakeProvider(), "listener": listener}).aclose()
        assert listener.closed
