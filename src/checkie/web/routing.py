"""Routes, each with the callers that it accepts. The default is to refuse: a route that declares nothing is an error.

router = web.Router("Widget", "/api/widget")

@router.get("/sessions/{session_id}", access=caller.BUYER, refuses=(get_session,), summary="Retrieve a session")
async def retrieve_session(session_id: str, services: web.ServicesDep, buyer: web.BuyerDep) -> SessionBody: ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import Route

from checkie.web import problems
from checkie.web.caller import Access
from checkie.web.contract import Declared, problems_of
from checkie.web.lean import Handler, lean_handler
from checkie.web.middleware import Observed
from checkie.web.parts import Services, attach

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])
PageEndpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Router:
    """The routes of a part of the API, with `tag` and `prefix`, or of some pages.

    `dependencies` run before each operation of the API. `around` wraps each page and what resolves its caller, so that
    refusals can be answered as pages.
    """

    tag: str = ""
    prefix: str = ""
    dependencies: Sequence[Depends] = ()
    around: Callable[[PageEndpoint], PageEndpoint] | None = None
    _add: list[Callable[[FastAPI], None]] = field(default_factory=list, repr=False)

    def get(
        self, path: str, *, access: Access, refuses: Sequence[Declared] = (), **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """An operation of the API. `refuses`: refusals, and use cases that declare theirs. The rest is FastAPI's."""
        return self._operation(path, access, refuses, {"methods": ["GET"], **options})

    def post(
        self, path: str, *, access: Access, refuses: Sequence[Declared] = (), **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """As `get`."""
        return self._operation(path, access, refuses, {"methods": ["POST"], **options})

    def patch(
        self, path: str, *, access: Access, refuses: Sequence[Declared] = (), **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """As `get`."""
        return self._operation(path, access, refuses, {"methods": ["PATCH"], **options})

    def page(self, path: str, *, access: Access, method: str = "GET") -> Callable[[PageEndpoint], PageEndpoint]:
        """A page, a file, a stream: a route outside of the API document, without FastAPI's machinery."""

        def declare(endpoint: PageEndpoint) -> PageEndpoint:
            def add(app: FastAPI) -> None:
                if app.router.dependencies or self.dependencies:
                    raise ValueError(f"{path} is a page: FastAPI's dependencies would not run for it")
                app.router.routes.append(_Page(path, endpoint, access, method=method, around=self.around))

            self._add.append(add)
            return endpoint

        return declare

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`, flat: FastAPI matches nested routers more slowly."""
        for add in self._add:
            add(app)

    def _operation(
        self, path: str, access: Access, refuses: Sequence[Declared], options: dict[str, Any]
    ) -> Callable[[Endpoint], Endpoint]:
        options["responses"] = {**options.get("responses", {}), **problems_of(*access.refusals, *refuses)}
        if access.scheme:
            options["openapi_extra"] = {**options.get("openapi_extra", {}), "security": [{access.scheme: []}]}

        def declare(endpoint: Endpoint) -> Endpoint:
            def add(app: FastAPI) -> None:
                app.router.add_api_route(
                    self.prefix + path,
                    endpoint,
                    tags=[self.tag] if self.tag else None,
                    dependencies=self.dependencies,
                    route_class_override=_Operation,
                    generate_unique_id_function=lambda route: route.name,
                    **options,
                )
                route = app.router.routes[-1]
                assert isinstance(route, _Operation)
                route.access = access

            self._add.append(add)
            return endpoint

        return declare


class _Operation(APIRoute):
    """An operation of the API: resolves the caller before the body is read."""

    access: Access

    def get_route_handler(self) -> Handler:  # type: ignore[override]  # Awaitable will do: it is only awaited
        """FastAPI asks for this when the route is made."""
        whole = super().get_route_handler()
        run = lean_handler(self, whole) or whole

        async def handle(request: Request) -> Response:
            request.scope["caller"] = await self.access.resolve(request)
            return await run(request)

        return handle


class _Page(Route):
    """A route without FastAPI's machinery."""

    def __init__(
        self,
        path: str,
        endpoint: PageEndpoint,
        access: Access,
        *,
        method: str,
        around: Callable[[PageEndpoint], PageEndpoint] | None,
    ) -> None:
        self.access = access

        async def admitted(request: Request) -> Response:
            request.scope["caller"] = await access.resolve(request)
            return await endpoint(request)

        wrapped = around(admitted) if around else admitted

        async def routed(request: Request) -> Response:
            request.scope["route"] = self
            return await wrapped(request)

        super().__init__(path, routed, methods=[method], name=endpoint.__name__, include_in_schema=False)


def mount(app: FastAPI, services: Services, *routers: Router) -> None:
    """Make `app` serve these routers: services, routes, refusals as problems, request ids, logs and metrics.

    Dependencies of the application and of a router run as FastAPI documents it. ValueError when a route of `app`,
    however it was added, does not declare which callers it accepts, or when a dependency would be skipped.
    """
    attach(app, services)
    problems.install(app)
    for router in routers:
        router.add_to(app)
    silent = [getattr(route, "path", repr(route)) for route in app.router.routes if access_of(route) is None]
    if silent:
        raise ValueError(f"which callers may use {', '.join(silent)}? Add such routes by web.Router")
    app.add_middleware(Observed)


def access_of(route: object) -> Access | None:
    """Which callers a route accepts; None when it does not declare that."""
    access = getattr(route, "access", None)
    return access if isinstance(access, Access) else None
