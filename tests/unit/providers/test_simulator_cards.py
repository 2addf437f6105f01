"""The simulator's test cards, and the validation of card details."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.providers.simulator.bank import cards
from checkie.providers.simulator.bank.cards import CARDS, MESSAGES, CardDetails

YEAR, MONTH = 2026, 3
GOOD = "4242424242424242"
STRIPE_CARDS = """
    4242424242424242 4000056655665556 5555555555554444 2223003122003222 378282246310005 6011111111111117
    3056930009020004 3566002020360505 6200000000000005 4000000000000002 4000000000009995 4000000000009987
    4000000000009979 4000000000000069 4000000000000127 4000000000000119 4000000000006975 4000000000000341
    4100000000000019 4000000000004954 4000000000009235 4000000000000101 4000000000000036 4000000000000028
    4000000000000010 4000000000000044 4000002500003155 4000002760003184 4000003800000446 4000008260003178
    4000000000003220 4000008400001629 4000008400001280 4000000000003055 4000000000003097 4000000000000259
    4000000000002685 4000000000001976 4000000000005423 4000000404000079 4000000000007726 4000000000005126
    4000000000000077 4000003720000278
""".split()


def errors_of(number: str = GOOD, exp: tuple[int | None, int | None] = (12, 34), cvc: str = "123") -> list[str]:
    return [error.code for error in cards.validate(CardDetails(number, *exp, cvc), year=YEAR, month=MONTH)]


class TestTheTable:
    def test_has_every_stripe_test_card_for_one_time_payments(self) -> None:
        assert {number for number, card in CARDS.items() if card.fault is None} == set(STRIPE_CARDS)

    def test_has_our_own_cards_in_one_range(self) -> None:
        assert all(number.startswith("400009900000") for number, card in CARDS.items() if card.fault)

    @pytest.mark.parametrize("number", CARDS)
    def test_has_valid_numbers_only(self, number: str) -> None:
        card = CARDS[number]
        assert errors_of(number, cvc="1234" if card.brand == "amex" else "123") == []
        assert cards.brand_of(number) == card.brand

    def test_has_a_message_for_every_decline(self) -> None:
        assert {card.decline for card in CARDS.values() if card.decline} <= MESSAGES.keys()

    def test_declines_every_other_number(self) -> None:
        card = cards.card_of("4111111111111111")
        code, message = cards.code_and_message(card.decline or "")
        assert (card.brand, code) == ("visa", "card_declined")
        assert "test cards" in message


class TestValidation:
    def test_accepts_valid_card_details(self) -> None:
        assert errors_of() == []

    @pytest.mark.parametrize("number", ["", "4242", "4242424242424241", "4242x24242424242", "4" * 20])
    def test_checks_the_number(self, number: str) -> None:
        assert errors_of(number) == ["incorrect_number"]

    @pytest.mark.parametrize(
        ("exp", "found"),
        [
            ((3, 26), []),
            ((3, 2026), []),
            ((1, 27), []),
            ((12, 2076), []),
            ((2, 26), ["invalid_expiry_month"]),
            ((13, 34), ["invalid_expiry_month"]),
            ((0, 34), ["invalid_expiry_month"]),
            ((None, 34), ["invalid_expiry_month"]),
            ((12, 25), ["invalid_expiry_year"]),
            ((12, 95), ["invalid_expiry_year"]),
            ((12, 1995), ["invalid_expiry_year"]),
            ((12, 2077), ["invalid_expiry_year"]),
            ((12, None), ["invalid_expiry_year"]),
            ((12, -1), ["invalid_expiry_year"]),
        ],
    )
    def test_checks_the_expiry_date(self, exp: tuple[int | None, int | None], found: list[str]) -> None:
        assert errors_of(exp=exp) == found

    @pytest.mark.parametrize(("number", "max_digits"), [(GOOD, 3), ("378282246310005", 4)])
    def test_takes_a_security_code_of_three_digits_or_four_for_american_express(
        self, number: str, max_digits: int
    ) -> None:
        fits = [length for length in range(7) if not errors_of(number, cvc="1" * length)]
        assert fits == list(range(3, max_digits + 1))
        assert errors_of(number, cvc="12x") == ["invalid_cvc"]

    def test_reports_every_invalid_field_the_number_first(self) -> None:
        assert errors_of("1", (None, None), "") == ["incorrect_number", "invalid_expiry_month", "invalid_cvc"]

    @given(st.text(max_size=30), st.none() | st.integers(), st.none() | st.integers(), st.text(max_size=8))
    def test_takes_any_input(self, number: str, month: int | None, year: int | None, cvc: str) -> None:
        details = CardDetails(cards.ascii_digits(number), month, year, cards.ascii_digits(cvc))
        cards.validate(details, year=YEAR, month=MONTH)


class TestParsing:
    @pytest.mark.parametrize("text", ["12/34", "12 / 34", "12/2034", "1234", "12-34", "12.34", "12 – 34", "١٢/٣٤"])
    def test_reads_an_expiry_date_as_people_type_it(self, text: str) -> None:
        month, year = cards.parse_expiry(text)
        assert (month, (year or 0) % 100) == (12, 34)

    @pytest.mark.parametrize("text", ["", "12", "12/3", "ab/cd", "12/34/56", "12/20345"])
    def test_returns_none_for_anything_else(self, text: str) -> None:
        assert cards.parse_expiry(text) == (None, None)

    def test_reads_digits_of_any_script(self) -> None:
        assert cards.ascii_digits("٤٢٤٢ 4242-4242\u00a04242") == GOOD

    def test_shows_no_card_details_in_a_repr(self) -> None:
        assert "4242" not in repr(CardDetails(GOOD, 12, 34, "987"))
        assert "987" not in repr(CardDetails(GOOD, 12, 34, "987"))

    @given(st.from_regex(r"[0-9]{12,18}", fullmatch=True))
    def test_exactly_one_last_digit_passes_luhn(self, head: str) -> None:
        assert sum(cards.passes_luhn(f"{head}{digit}") for digit in range(10)) == 1
