"""What the page keeps in the buyer's browser."""

from __future__ import annotations

import pytest

from checkie.kernel.ids import SessionId
from checkie.storefront.model import MOST_TICKETS, ProviderPage, Ticket, Wallet
from tests.make import START, STORE


def ticket(secret: str = "s3cret-_") -> Ticket:
    return Ticket(SessionId.new(STORE, START), secret)


def test_a_wallet_is_read_as_it_was_written() -> None:
    wallet = Wallet((ticket(), ticket()), "de")
    assert Wallet.parse(wallet.spell()) == wallet
    assert Wallet.parse(Wallet().spell()) == Wallet()


def test_the_newest_ticket_lies_on_top_and_the_oldest_falls_out() -> None:
    tickets = [ticket() for _ in range(MOST_TICKETS + 1)]
    wallet = Wallet()
    for each in tickets:
        wallet = wallet.with_ticket(each)
    assert wallet.tickets == tuple(reversed(tickets[1:]))
    again = wallet.with_ticket(tickets[2])
    assert again.tickets[0] == tickets[2]
    assert len(again.tickets) == MOST_TICKETS


def test_a_secret_is_told_for_its_session_alone() -> None:
    held, other = ticket("one"), ticket("two")
    wallet = Wallet((held,))
    assert wallet.secret_of(held.session) == "one"
    assert wallet.secret_of(other.session) is None


@pytest.mark.parametrize("text", ["", "~", "nonsense", "de~ses_x.y", "~ses_.", "~~~~~~~", "~pay_01.s", "\x00~\udcff"])
def test_what_anybody_may_write_holds_no_ticket(text: str) -> None:
    assert Wallet.parse(text).tickets == ()


def test_secrets_are_not_shown() -> None:
    assert "s3cret" not in repr(Wallet((ticket(),)))


def test_a_providers_origin_is_that_of_its_script() -> None:
    assert ProviderPage("stripe", "https://js.stripe.com/v3/", "pk").origin == "https://js.stripe.com"
    assert ProviderPage("simulator", "http://127.0.0.1:8001/fields.js", "").origin == "http://127.0.0.1:8001"
