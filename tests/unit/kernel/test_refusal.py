"""A refusal's docstring is its message, its code a contract, its kind the HTTP status."""

from __future__ import annotations

import pytest

from checkie.kernel import Conflict, Forbidden, Invalid, NotFound, Refusal, Unauthorized


class StockGone(Conflict):
    """The last one was sold
    to somebody else.
    """

    code = "stock_gone"


class TestRefusal:
    def test_says_its_docstring_in_one_line(self) -> None:
        assert StockGone().detail == str(StockGone()) == "The last one was sold to somebody else."

    def test_may_say_more_of_one_case(self) -> None:
        refusal = StockGone("Two are left.", param="quantity", left=2)
        assert (refusal.detail, refusal.param, refusal.facts) == ("Two are left.", "quantity", {"left": 2})

    @pytest.mark.parametrize(
        ("kind", "status"), [(Invalid, 422), (Unauthorized, 401), (Forbidden, 403), (NotFound, 404), (Conflict, 409)]
    )
    def test_knows_its_status(self, kind: type[Refusal], status: int) -> None:
        assert kind.status == status
