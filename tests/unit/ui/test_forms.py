"""Forms as browsers post them."""

from __future__ import annotations

import pytest

from checkie.kernel import Invalid
from checkie.ui import Reader, forms
from tests.unit.ui.requests import request

ENGLISH, GERMAN = Reader("en", "en"), Reader("de", "de")
PUBLIC_URL = "https://pay.example"


class TooLate(Invalid):
    """It is too late."""

    code = "too_late"


class TestParse:
    def test_reads_the_fields(self) -> None:
        assert forms.parse(b"email=+a%40b.example+&quantity=2&empty=") == {
            "email": " a@b.example ",
            "quantity": "2",
            "empty": "",
        }

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&".join([b"a=1"] * 1000)])
    def test_finds_no_fields_in_a_malformed_body(self, body: bytes) -> None:
        assert forms.parse(body) == {}

    def test_takes_the_last_of_equal_names(self) -> None:
        assert forms.parse(b"a=1&a=2") == {"a": "2"}

    def test_removes_nul_and_cuts_long_values(self) -> None:
        assert forms.parse(b"a=1%002&b=" + b"x" * 10_000) == {"a": "12", "b": "x" * forms.MAX_VALUE}


class TestCheckSameSite:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"origin": "https://pay.example", "sec-fetch-site": "same-origin"},
            {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"},
            {"sec-fetch-site": "none"},
        ],
    )
    def test_accepts_our_own_forms(self, headers: dict[str, str]) -> None:
        forms.check_same_site(request(headers), PUBLIC_URL)

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://elsewhere.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ],
    )
    def test_refuses_those_of_other_sites(self, headers: dict[str, str]) -> None:
        with pytest.raises(forms.CrossSiteForm):
            forms.check_same_site(request(headers), PUBLIC_URL)


class TestFieldErrors:
    def test_has_the_text_for_the_code(self) -> None:
        errors = forms.field_errors(TooLate(param="date"), {"too_late": "Something went wrong"}, GERMAN, default="x")
        assert errors == {"date": "Ein Fehler ist aufgetreten"}

    def test_has_the_refusals_own_text_otherwise(self) -> None:
        assert forms.field_errors(TooLate(), {}, ENGLISH, default="date") == {"date": "It is too late."}
