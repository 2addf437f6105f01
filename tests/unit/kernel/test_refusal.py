"""A refusal's docstring is its message, its code a contract, its kind the HTTP status."""

from __future__ import annotations

import pytest

from checkie.kernel import Conflict, Forbidden, Invalid, NotFound, Refusal, Unauthorized, refuses


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


class NoSuchItem(NotFound):
    """The item does not exist."""

    code = "item_not_found"


@refuses(StockGone)
async def reserve() -> None: ...


@refuses(NoSuchItem, reserve, StockGone)
async def buy() -> None: ...


async def browse() -> None: ...


class TestAUseCase:
    def test_declares_its_own_refusals_and_those_of_what_it_calls_each_once(self) -> None:
        assert Refusal.declared_by(reserve) == (StockGone,)
        assert Refusal.declared_by(buy) == (NoSuchItem, StockGone)
        assert Refusal.declared_by(reserve, NoSuchItem, buy) == (StockGone, NoSuchItem)

    def test_that_declares_nothing_is_an_error_not_an_empty_list(self) -> None:
        with pytest.raises(LookupError, match="browse"):
            Refusal.declared_by(browse)
        with pytest.raises(LookupError, match="browse"):
            refuses(browse)
