"""What is logged of a request that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request, Response

from checkie import web
from checkie.db import Database
from checkie.storefront.routes import router as storefront
from checkie.web import caller
from checkie.web.routing import PageEndpoint
from tests import make

Around: TypeAlias = Callable[[PageEndpoint], PageEndpoint] | None


@pytest.mark.parametrize(("is_page", "around"), [(True, None), (True, storefront.around), (False, None)])
async def test_the_address_of_a_failed_request_is_not_logged_because_it_may_give_access(
    is_page: bool, around: Around
) -> None:
    router = web.Router(around=around)

    if is_page:

        @router.page("/receipts/{token}", access=caller.PUBLIC)
        async def show(_: Request) -> Response:
            raise RuntimeError("broken")

    else:

        @router.get("/receipts/{token}", access=caller.PUBLIC)
        async def read(token: str) -> Response:
            raise RuntimeError("broken")

    app = FastAPI(openapi_url=None)
    web.mount(app, make.services(Database("postgresql://nowhere")), router)
    with structlog.testing.capture_logs() as lines:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as http:
            assert (await http.get("/receipts/aGlkZGVu")).status_code == 500
    failed = next(line for line in lines if line["event"] == ("page_failed" if around else "request_failed"))
    assert failed["route"] == "/receipts/{token}"
    assert "aGlkZGVu" not in str(lines)
