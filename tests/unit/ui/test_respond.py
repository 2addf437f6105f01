"""Documents and error pages over HTTP."""

from __future__ import annotations

import gzip

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from checkie.kernel import Conflict, NotFound, Unauthorized
from checkie.ui import Document, ErrorPages, Problem, Reader, respond
from checkie.ui.document import HOLE
from checkie.ui.forms import CrossSiteForm
from checkie.ui.respond import accepts_gzip
from tests.unit.ui.requests import request

DOCUMENT = Document.of(f"<p>{HOLE}</p>")
CLOSED = Problem("The store is closed", ("Come back tomorrow.",))


class StoreClosed(Conflict):
    """The store is closed."""

    code = "store_closed"


class TestRespond:
    def test_fills_the_holes(self) -> None:
        assert respond(request(), DOCUMENT, values=["a"]).body == b"<p>a</p>"

    def test_compresses_for_browsers_that_accept_gzip(self) -> None:
        answer = respond(request({"accept-encoding": "gzip"}), DOCUMENT, values=["a"])
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.body) == b"<p>a</p>"

    def test_is_never_stored_and_loads_nothing_from_elsewhere(self) -> None:
        headers = respond(request(), DOCUMENT, values=["a"]).headers
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")

    def test_takes_further_headers(self) -> None:
        answer = respond(request(), DOCUMENT, values=["a"], headers={"Referrer-Policy": "no-referrer"})
        assert answer.headers.getlist("referrer-policy") == ["no-referrer"]


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("", False), ("br", False), ("gzip;q=0, br", False)],
)
def test_gzip_is_negotiated(header: str, *, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


class TestErrorPages:
    pages = ErrorPages(lambda _: Reader("en", "en"), {"store_closed": CLOSED})

    async def answer(self, outcome: Exception | Response) -> Response:
        @self.pages
        async def endpoint(_: Request) -> Response:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return await endpoint(request())

    async def test_leave_an_answer_as_it_is(self) -> None:
        answer = PlainTextResponse("fine")
        assert await self.answer(answer) is answer

    @pytest.mark.parametrize("refusal", [NotFound(), Unauthorized()])
    async def test_do_not_say_whether_a_page_exists(self, refusal: Exception) -> None:
        answer = await self.answer(refusal)
        assert answer.status_code == 404
        assert "Page not found" in bytes(answer.body).decode()
        assert "req_1" not in bytes(answer.body).decode()

    @pytest.mark.parametrize(
        ("error", "status", "title"),
        [
            (StoreClosed(), 409, "The store is closed"),
            (CrossSiteForm(), 403, "This form could not be submitted"),
            (RuntimeError("a bug"), 500, "Something went wrong"),
        ],
    )
    async def test_say_what_went_wrong_with_the_request_id(self, error: Exception, status: int, title: str) -> None:
        answer = await self.answer(error)
        assert answer.status_code == status
        assert title in bytes(answer.body).decode()
        assert "req_1" in bytes(answer.body).decode()
        assert "a bug" not in bytes(answer.body).decode()

    async def test_leave_http_errors_to_the_application(self) -> None:
        with pytest.raises(HTTPException):
            await self.answer(HTTPException(405))
