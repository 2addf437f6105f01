"""Routes declare which callers they accept, and run every dependency of theirs, of their router and the application."""

from __future__ import annotations

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Form, Header, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from checkie import web
from checkie.db import Database
from checkie.kernel import Conflict, Unauthorized, refuses
from checkie.web import BuyerDep, ServicesDep, caller
from checkie.web.lean import lean_handler
from checkie.web.routing import PageEndpoint, access_of
from tests import make


class Thing(BaseModel):
    """A thing."""

    name: str
    seen: str = ""


class Locked(Unauthorized):
    """The door is locked."""

    code = "test_locked"


async def lock() -> None:
    raise Locked


async def lock_for_some(request: Request) -> None:
    if "x-locked" in request.headers:
        raise Locked


async def lock_for_named(locked: Annotated[str, Query()] = "") -> None:
    if locked:
        raise Locked


async def trace(request: Request) -> str:
    return request.headers.get("x-trace", "none")


def served(*routers: web.Router, app: FastAPI | None = None) -> FastAPI:
    app = app or FastAPI(openapi_url=None, docs_url=None)
    web.mount(app, make.services(Database("")), *routers)
    return app


async def get(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as http:
        return await http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def things(**options: object) -> web.Router:
    """A router with a lean route and, at /full, one that needs FastAPI's machinery."""
    router = web.Router("Things", **options)  # type: ignore[arg-type]  # as the test says

    @router.get("/lean/{name}", access=caller.PUBLIC)
    async def lean(name: str) -> Thing:
        return Thing(name=name)

    @router.get("/full/{name}", access=caller.PUBLIC)
    async def full(name: str, seen: str = "") -> Thing:
        return Thing(name=name, seen=seen)

    return router


def is_lean(app: FastAPI, path: str) -> bool:
    (route,) = [route for route in app.routes if getattr(route, "path", "") == path]
    assert isinstance(route, APIRoute)
    return lean_handler(route, route.get_route_handler()) is not None


class TestARoute:
    def test_that_declares_no_callers_keeps_the_application_from_starting(self) -> None:
        app = FastAPI(openapi_url=None, docs_url=None)

        @app.get("/undeclared")
        async def undeclared() -> Thing:
            return Thing(name="open to all by accident")

        with pytest.raises(ValueError, match="/undeclared"):
            served(things(), app=app)

    def test_of_fastapi_itself_has_to_declare_them_too(self) -> None:
        with pytest.raises(ValueError, match="openapi"):
            served(things(), app=FastAPI())

    def test_of_a_plain_router_has_to_declare_them_too(self) -> None:
        app, plain = FastAPI(openapi_url=None, docs_url=None), APIRouter()
        plain.add_api_route("/plain", lock)
        app.include_router(plain)
        with pytest.raises(ValueError, match="which callers"):
            served(app=app)

    def test_declares_them_where_it_is_defined(self) -> None:
        assert {access_of(route) for route in served(things()).routes} == {caller.PUBLIC}

    async def test_gets_the_caller_and_the_services(self) -> None:
        router = web.Router()

        @router.get("/mine", access=caller.BUYER)
        async def mine(buyer: BuyerDep, services: ServicesDep) -> Thing:
            return Thing(name=buyer.secret, seen=services.public_url)

        app = served(router)
        assert is_lean(app, "/mine")
        answer = await get(app, "/mine", authorization="bearer  s3cret ")
        assert answer.json() == {"name": "s3cret", "seen": "http://shop.example"}
        for headers in ({}, {"authorization": "Basic s3cret"}, {"authorization": "Bearer "}):
            refused = await get(app, "/mine", **headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "session_secret_invalid")
            assert refused.headers["www-authenticate"] == "Bearer"

    def test_that_wants_another_caller_than_it_declares_fails(self) -> None:
        request = Request({"type": "http", "headers": [], "caller": caller.Anyone()})
        with pytest.raises(TypeError, match="accepts Anyone, not Buyer"):
            caller.resolved(request, web.Buyer)

    async def test_resolves_its_caller_before_it_reads_the_body(self) -> None:
        router = web.Router()

        @router.post("/things", access=caller.BUYER)
        async def make_thing(body: Thing) -> Thing:
            return body

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(served(router)), base_url="http://a.example"
        ) as http:
            assert (await http.post("/things", content=b"{")).status_code == 401

    def test_documents_its_refusals_and_its_authentication(self) -> None:
        class ThingGone(Conflict):
            """The thing is gone."""

            code = "test_thing_gone"

        @refuses(ThingGone)
        async def take() -> None: ...

        router = web.Router()

        @router.get("/mine", access=caller.BUYER, refuses=(take,))
        async def mine() -> Thing:
            return Thing(name="mine")

        operation = served(router).openapi()["paths"]["/mine"]["get"]
        assert operation["security"] == [{"client_secret": []}]
        assert "`session_secret_invalid`" in operation["responses"]["401"]["description"]
        assert "`test_thing_gone`: The thing is gone." in operation["responses"]["409"]["description"]


@pytest.mark.parametrize("path", ["/lean/a", "/full/a"])
class TestADependency:
    async def test_of_the_application_runs(self, path: str) -> None:
        app = FastAPI(openapi_url=None, docs_url=None, dependencies=[Depends(lock)])
        answer = await get(served(things(), app=app), path)
        assert (answer.status_code, answer.json()["code"]) == (401, "test_locked")

    async def test_of_a_router_runs(self, path: str) -> None:
        app = served(things(dependencies=[Depends(lock_for_some)]))
        assert (await get(app, path, x_locked="1")).status_code == 401
        assert (await get(app, path)).status_code == 200

    async def test_that_fastapi_has_to_look_up_runs(self, path: str) -> None:
        app = served(things(dependencies=[Depends(lock_for_named)]))
        assert not is_lean(app, f"{path[:-1]}{{name}}")
        assert (await get(app, f"{path}?locked=1")).status_code == 401
        assert (await get(app, path)).status_code == 200


class TestALeanRoute:
    async def test_answers_as_fastapi_would(self) -> None:
        app = served(things())
        assert (is_lean(app, "/lean/{name}"), is_lean(app, "/full/{name}")) == (True, False)
        lean, full = await get(app, "/lean/a"), await get(app, "/full/a")
        assert (lean.status_code, lean.json()) == (full.status_code, full.json()) == (200, {"name": "a", "seen": ""})
        assert lean.headers["content-type"] == full.headers["content-type"]

    async def test_gets_what_its_own_dependency_returns(self) -> None:
        router = web.Router()

        @router.get("/traced", access=caller.PUBLIC)
        async def traced(found: Annotated[str, Depends(trace)]) -> Thing:
            return Thing(name=found)

        app = served(router)
        assert is_lean(app, "/traced")
        assert (await get(app, "/traced", x_trace="abc")).json()["name"] == "abc"

    async def test_need_not_take_every_part_of_its_path(self) -> None:
        router = web.Router()

        @router.get("/stores/{store}/things", access=caller.PUBLIC)
        async def list_things() -> Thing:
            return Thing(name="all")

        app = served(router)
        assert is_lean(app, "/stores/{store}/things")
        assert (await get(app, "/stores/a/things")).json()["name"] == "all"

    async def test_does_nothing_but_what_fastapi_would(self) -> None:
        router = web.Router()

        @router.get("/numbers/{number}", access=caller.PUBLIC)
        async def number(number: int) -> Thing:
            return Thing(name=str(number + 1))

        @router.get("/headers", access=caller.PUBLIC)
        async def header(x_name: Annotated[str, Header()]) -> Thing:
            return Thing(name=x_name)

        @router.get("/answers", access=caller.PUBLIC)
        async def answer(response: Response) -> Thing:
            response.status_code = 202
            return Thing(name="later")

        @router.get("/made", access=caller.PUBLIC, status_code=201)
        async def made() -> Thing:
            return Thing(name="new")

        @router.get("/short", access=caller.PUBLIC, response_model_exclude_defaults=True)
        async def short() -> Thing:
            return Thing(name="short")

        @router.get("/renamed/{given}", access=caller.PUBLIC)
        async def renamed(name: Annotated[str, Path(alias="given")]) -> Thing:
            return Thing(name=name)

        app = served(router)
        paths = ("/numbers/{number}", "/headers", "/answers", "/made", "/short", "/renamed/{given}")
        assert not any(is_lean(app, path) for path in paths)
        assert (await get(app, "/short")).json() == {"name": "short"}
        assert (await get(app, "/renamed/a")).json()["name"] == "a"
        assert (await get(app, "/numbers/1")).json()["name"] == "2"
        assert (await get(app, "/numbers/one")).status_code == 422
        assert (await get(app, "/headers", x_name="a")).json()["name"] == "a"
        assert ((await get(app, "/answers")).status_code, (await get(app, "/made")).status_code) == (202, 201)


def pages(**options: object) -> web.Router:
    router = web.Router(**options)  # type: ignore[arg-type]  # as the test says

    @router.page("/public", access=caller.PUBLIC)
    async def show(_: Request) -> Response:
        return Response("hello", headers={"Cache-Control": "public, max-age=60"})

    @router.page("/mine", access=caller.BUYER)
    async def mine(request: Request) -> Response:
        return Response(caller.resolved(request, web.Buyer).secret, headers={"Cache-Control": "public, max-age=60"})

    return router


class TestAPage:
    def test_would_skip_dependencies_and_refuses_to_start_with_any(self) -> None:
        with pytest.raises(ValueError, match="/public"):
            served(pages(dependencies=[Depends(lock)]))
        with pytest.raises(ValueError, match="/public"):
            served(pages(), app=FastAPI(openapi_url=None, docs_url=None, dependencies=[Depends(lock)]))

    async def test_answers_refusals_of_its_caller_in_its_own_way(self) -> None:
        def around(page: PageEndpoint) -> PageEndpoint:
            async def answered(request: Request) -> Response:
                try:
                    return await page(request)
                except caller.WrongSecret:
                    return Response("not for you", 404)

            return answered

        app = served(pages(around=around))
        assert ((await get(app, "/mine")).status_code, (await get(app, "/mine")).text) == (404, "not for you")
        assert (await get(app, "/mine", authorization="Bearer a")).text == "a"


class TestCaching:
    async def test_is_for_public_routes_that_say_so(self) -> None:
        app = served(pages(), things())
        assert (await get(app, "/public")).headers.get_list("cache-control") == ["public, max-age=60"]
        assert (await get(app, "/lean/a")).headers.get_list("cache-control") == ["no-store"]

    async def test_is_forbidden_for_all_others_even_if_they_say_so(self) -> None:
        answer = await get(served(pages()), "/mine", authorization="Bearer a")
        assert answer.headers.get_list("cache-control") == ["no-store"]

    @pytest.mark.parametrize("path", ["/nowhere", "/mine"])
    async def test_of_a_problem_is_forbidden(self, path: str) -> None:
        answer = await get(served(pages()), path)
        assert answer.status_code in {401, 404}
        assert answer.headers.get_list("cache-control") == ["no-store"]


class TestServices:
    def test_hold_the_parts_of_a_process_by_type(self) -> None:
        clock = make.Clock()
        services = make.services(Database(""), parts=(clock, make.KEYRING))
        assert services.get(make.Clock) is clock

    def test_name_the_part_that_is_missing(self) -> None:
        with pytest.raises(LookupError, match="Clock"):
            make.services(Database("")).get(make.Clock)

    async def test_that_were_never_attached_are_missed(self) -> None:
        app = FastAPI()
        app.state.services = "something else"
        with pytest.raises(TypeError, match="expected Services"):
            web.services(Request({"type": "http", "app": app, "headers": []}))


BODIES = [
    b'{"name": "a"}',
    b' {"name": "a", "seen": "b", "other": 1} ',
    b'{"name": "a", "name": "b"}',
    b'{"name": 1}',
    b"{}",
    b"",
    b"null",
    b"[]",
    b'"a"',
    b"{",
    b'{"name": "\xff"}',
    b'{"name": NaN}',
    '{"name": "é"}'.encode("utf-16"),
    pytest.param(b"[" * 100_000, id="deep"),
    pytest.param(b'{"name": "' + b"a" * 300_000 + b'"}', id="large"),
]


class TestABody:
    @pytest.fixture
    def app(self) -> FastAPI:
        router = web.Router()

        @router.post("/lean", access=caller.PUBLIC)
        async def lean(body: Thing, services: ServicesDep) -> Thing:
            return body

        @router.post("/whole", access=caller.PUBLIC)
        async def whole(body: Thing, services: ServicesDep, seen: Annotated[str, Query()] = "") -> Thing:
            return body

        @router.post("/embedded", access=caller.PUBLIC)
        async def embedded(body: Annotated[Thing, Body(embed=True)]) -> Thing:
            return body

        @router.post("/form", access=caller.PUBLIC)
        async def form(body: Annotated[Thing, Form()]) -> Thing:
            return body

        @router.post("/numbers", access=caller.PUBLIC)
        async def numbers(body: list[int]) -> Thing:
            return Thing(name=str(sum(body)))

        return served(router)

    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "application/json; charset=utf-8", "application/x+json", "text/plain", None],
    )
    async def test_of_a_lean_route_is_answered_as_fastapi_would(
        self, app: FastAPI, body: bytes, content_type: str | None
    ) -> None:
        assert (is_lean(app, "/lean"), is_lean(app, "/whole")) == (True, False)
        headers = {"content-type": content_type} if content_type else {}
        answers = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as http:
            for path in ("/lean", "/whole"):
                found = await http.post(path, content=body, headers=headers)
                answers.append((found.status_code, {**found.json(), "request_id": None}))
        assert answers[0] == answers[1]

    @pytest.mark.parametrize("path", ["/embedded", "/form", "/numbers"])
    async def test_that_is_not_one_json_model_is_left_to_fastapi(self, app: FastAPI, path: str) -> None:
        assert not is_lean(app, path)
