"""The simulator's test cards, and what it says of what a buyer typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.providers.simulator import cards
from checkie.providers.simulator.cards import CARDS, MESSAGES, Typed

YEAR, MONTH = 2026, 3
GOOD = "4242424242424242"
STRIPES = """
    4242424242424242 4000056655665556 5555555555554444 2223003122003222 378282246310005 6011111111111117
    3056930009020004 3566002020360505 6200000000000005 4000000000000002 4000000000009995 4000000000009987
    4000000000009979 4000000000000069 4000000000000127 4000000000000119 4000000000006975 4000000000000341
    4100000000000019 4000000000004954 4000000000009235 4000000000000101 4000000000000036 4000000000000028
    4000000000000010 4000000000000044 4000002500003155 4000002760003184 4000003800000446 4000008260003178
    4000000000003220 4000008400001629 4000008400001280 4000000000003055 4000000000003097 4000000000000259
    4000000000002685 4000000000001976 4000000000005423 4000000404000079 4000000000007726 4000000000005126
    4000000000000077 4000003720000278
""".split()


def flaws_of(number: str = GOOD, exp: tuple[int | None, int | None] = (12, 34), cvc: str = "123") -> list[str]:
    return [flaw.code for flaw in cards.flaws(Typed(number, *exp, cvc), year=YEAR, month=MONTH)]


class TestTheTable:
    def test_holds_every_card_of_stripe_that_fits_a_one_time_payment(self) -> None:
        assert {number for number, card in CARDS.items() if card.fault is None} == set(STRIPES)

    def test_keeps_our_own_cards_in_one_range(self) -> None:
        assert all(number.startswith("400009900000") for number, card in CARDS.items() if card.fault)

    @pytest.mark.parametrize("number", CARDS)
    def test_holds_numbers_that_could_be_typed(self, number: str) -> None:
        card = CARDS[number]
        assert flaws_of(number, cvc="1234" if card.brand == "amex" else "123") == []
        assert cards.brand_of(number) == card.brand

    def test_has_a_message_for_every_decline(self) -> None:
        assert {card.decline for card in CARDS.values() if card.decline} <= MESSAGES.keys()

    def test_refuses_every_other_number(self) -> None:
        card = cards.look_up("4111111111111111")
        code, message = cards.code_and_message(card.decline or "")
        assert (card.brand, code) == ("visa", "card_declined")
        assert "test cards" in message


class TestFlaws:
    def test_there_are_none_in_a_good_card(self) -> None:
        assert flaws_of() == []

    @pytest.mark.parametrize("number", ["", "4242", "4242424242424241", "4242x24242424242", "4" * 20])
    def test_the_number_is_checked(self, number: str) -> None:
        assert flaws_of(number) == ["incorrect_number"]

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
    def test_the_expiry_is_checked(self, exp: tuple[int | None, int | None], found: list[str]) -> None:
        assert flaws_of(exp=exp) == found

    @pytest.mark.parametrize(("number", "longest"), [(GOOD, 3), ("378282246310005", 4)])
    def test_the_code_has_three_digits_or_four_on_american_express(self, number: str, longest: int) -> None:
        fits = [length for length in range(7) if not flaws_of(number, cvc="1" * length)]
        assert fits == list(range(3, longest + 1))
        assert flaws_of(number, cvc="12x") == ["invalid_cvc"]

    def test_all_are_told_the_numbers_first(self) -> None:
        assert flaws_of("1", (None, None), "") == ["incorrect_number", "invalid_expiry_month", "invalid_cvc"]

    @given(st.text(max_size=30), st.none() | st.integers(), st.none() | st.integers(), st.text(max_size=8))
    def test_nothing_typed_breaks_them(self, number: str, month: int | None, year: int | None, cvc: str) -> None:
        cards.flaws(Typed(cards.ascii_digits(number), month, year, cards.ascii_digits(cvc)), year=YEAR, month=MONTH)


class TestTyping:
    @pytest.mark.parametrize("text", ["12/34", "12 / 34", "12/2034", "1234", "12-34", "12.34", "12 – 34", "١٢/٣٤"])
    def test_an_expiry_is_understood_as_people_type_it(self, text: str) -> None:
        month, year = cards.expiry(text)
        assert (month, (year or 0) % 100) == (12, 34)

    @pytest.mark.parametrize("text", ["", "12", "12/3", "ab/cd", "12/34/56", "12/20345"])
    def test_what_is_no_expiry_is_none(self, text: str) -> None:
        assert cards.expiry(text) == (None, None)

    def test_digits_of_any_script_are_digits(self) -> None:
        assert cards.ascii_digits("٤٢٤٢ 4242-4242\u00a04242") == GOOD

    def test_what_was_typed_does_not_show(self) -> None:
        assert "4242" not in repr(Typed(GOOD, 12, 34, "987"))
        assert "987" not in repr(Typed(GOOD, 12, 34, "987"))

    @given(st.from_regex(r"[0-9]{12,18}", fullmatch=True))
    def test_exactly_one_last_digit_passes_luhn(self, head: str) -> None:
        assert sum(cards.passes_luhn(f"{head}{digit}") for digit in range(10)) == 1
