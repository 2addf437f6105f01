"""Run an endpoint of the API without FastAPI's machinery, where that would do nothing else.

FastAPI documents all routes. What it does for a request costs about 0.1 ms; an endpoint that takes texts of the path,
the request and our own dependencies needs none of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_Dependency: TypeAlias = Callable[..., Awaitable[Any]]


def lean_handler(route: APIRoute) -> Handler | None:
    """What FastAPI's handler of this route would do, in fewer steps; None when that would leave anything out.

    Every dependency runs: of the endpoint, the route, the router and the application. The model that the endpoint
    returns is trusted to be the one that the route is documented with.
    """
    if _shapes_answer(route) or not _is_plain(route.dependant) or not _takes_texts(route.dependant):
        return None
    if not all(_is_leaf(dependency) for dependency in route.dependant.dependencies):
        return None
    endpoint: _Dependency = route.endpoint
    request_name = route.dependant.request_param_name
    texts = [param.name for param in route.dependant.path_params]
    dependencies = [_dependency(one) for one in route.dependant.dependencies]

    async def handle(request: Request) -> Response:
        arguments: dict[str, Any] = {name: request.path_params[name] for name in texts}
        if request_name:
            arguments[request_name] = request
        for name, call, takes in dependencies:
            found = await call(**{takes: request} if takes else {})
            if name:
                arguments[name] = found
        answer = await endpoint(**arguments)
        if isinstance(answer, BaseModel):
            return Response(answer.__pydantic_serializer__.to_json(answer), media_type="application/json")
        response: Response = answer
        return response

    return handle


def _dependency(dependant: Dependant) -> tuple[str | None, _Dependency, str | None]:
    """The parameter that it is for, the function, and the name of the function's parameter for the request."""
    if dependant.call is None:
        raise TypeError("a dependency without a function")
    return dependant.name, dependant.call, dependant.request_param_name


def _is_leaf(dependant: Dependant) -> bool:
    return _is_plain(dependant) and not dependant.dependencies and not dependant.path_params


def _is_plain(dependant: Dependant) -> bool:
    """Whether a function is async and takes nothing that FastAPI would have to look up, but the request."""
    looked_up = (
        *(dependant.query_params, dependant.header_params, dependant.cookie_params, dependant.body_params),
        *(dependant.websocket_param_name, dependant.http_connection_param_name, dependant.response_param_name),
        *(dependant.background_tasks_param_name, dependant.security_scopes_param_name),
    )
    return inspect.iscoroutinefunction(dependant.call) and not any(looked_up)


def _takes_texts(dependant: Dependant) -> bool:
    """Whether its parameters from the path are texts, without a rule or another name."""
    return all(
        param.field_info.annotation is str and not param.field_info.metadata and param.alias == param.name
        for param in dependant.path_params
    )


def _shapes_answer(route: APIRoute) -> bool:
    """Whether FastAPI would set a status of the route's own, or leave fields out."""
    leaves_out = (
        *(route.response_model_include, route.response_model_exclude, route.response_model_exclude_unset),
        *(route.response_model_exclude_defaults, route.response_model_exclude_none),
    )
    return route.status_code is not None or any(leaves_out)
