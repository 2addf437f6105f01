"""Which email addresses are valid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.customers import InvalidEmail, parse_email


class TestAnAddress:
    @pytest.mark.parametrize(
        "text",
        [
            "a@b.co",
            "first.last+tag@mail.shop.example",
            "o'brien@shop.example",
            "x" * 64 + "@shop.example",
            "用户@例子.example",
            "a@" + "b" * 63 + ".example",
        ],
    )
    def test_that_is_valid_is_accepted(self, text: str) -> None:
        assert parse_email(text) == parse_email(f"  {text}\n") == text

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "nobody",
            "@shop.example",
            "a@",
            "a@b",
            "a@b.",
            "a@.example",
            "a@b..example",
            "a..b@shop.example",
            ".a@shop.example",
            "a.@shop.example",
            "a b@shop.example",
            "a@shop .example",
            "a@b@shop.example",
            "<a@shop.example>",
            "a@shop.example, b@shop.example",
            "a\0@shop.example",
            "a\u202e@shop.example",
            "a@shop.example\r\nBcc: all@shop.example",
            "x" * 65 + "@shop.example",
            "a@" + "b" * 64 + ".example",
            "a@" + ".".join(["b" * 60] * 5),
        ],
    )
    def test_that_is_invalid_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidEmail) as refused:
            parse_email(text)
        assert (refused.value.param, refused.value.status) == ("email", 422)

    @given(st.text(max_size=300))
    def test_of_any_text_is_accepted_or_refused(self, text: str) -> None:
        try:
            found = parse_email(text)
        except InvalidEmail:
            return
        assert found == text.strip()
        assert found.isprintable()
        assert len(found.encode()) <= 254
