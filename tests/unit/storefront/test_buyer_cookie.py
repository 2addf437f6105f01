"""What the page keeps in the buyer's browser."""

from __future__ import annotations

import pytest

from checkie.kernel.ids import SessionId
from checkie.storefront.model import MAX_SESSIONS, BuyerCookie, ProviderPage, SessionCredential
from tests.make import START, STORE


def credential(secret: str = "s3cret-_") -> SessionCredential:
    return SessionCredential(SessionId.new(STORE, START), secret)


def test_a_cookie_is_parsed_as_it_was_serialized() -> None:
    cookie = BuyerCookie((credential(), credential()), "de")
    assert BuyerCookie.parse(cookie.serialize()) == cookie
    assert BuyerCookie.parse(BuyerCookie().serialize()) == BuyerCookie()


def test_the_newest_session_is_first_and_the_oldest_is_dropped() -> None:
    credentials = [credential() for _ in range(MAX_SESSIONS + 1)]
    cookie = BuyerCookie()
    for each in credentials:
        cookie = cookie.with_credential(each)
    assert cookie.credentials == tuple(reversed(credentials[1:]))
    updated = cookie.with_credential(credentials[2])
    assert updated.credentials[0] == credentials[2]
    assert len(updated.credentials) == MAX_SESSIONS


def test_a_secret_belongs_to_its_session_alone() -> None:
    held, other = credential("one"), credential("two")
    cookie = BuyerCookie((held,))
    assert cookie.secret_of(held.session) == "one"
    assert cookie.secret_of(other.session) is None


@pytest.mark.parametrize("text", ["", "~", "nonsense", "de~ses_x.y", "~ses_.", "~~~~~~~", "~pay_01.s", "\x00~\udcff"])
def test_a_forged_cookie_holds_no_session(text: str) -> None:
    assert BuyerCookie.parse(text).credentials == ()


def test_secrets_are_not_in_the_representation() -> None:
    assert "s3cret" not in repr(BuyerCookie((credential(),)))


def test_a_providers_origin_is_that_of_its_script() -> None:
    assert ProviderPage("stripe", "https://js.stripe.com/v3/", "pk").origin == "https://js.stripe.com"
    assert ProviderPage("simulator", "http://127.0.0.1:8001/fields.js", "").origin == "http://127.0.0.1:8001"
