"""Run an endpoint of the API without FastAPI's machinery, where that would do nothing else.

FastAPI documents all routes. What it does for a request costs about 0.1 ms; an endpoint that takes texts of the path, a
model of the body, the request and our own dependencies needs none of it. A body that is refused is left to FastAPI, so
that its answer is the same everywhere.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from fastapi import HTTPException, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Body
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_Dependency: TypeAlias = Callable[..., Awaitable[Any]]


def lean_handler(route: APIRoute, whole: Handler) -> Handler | None:
    """What `whole`, FastAPI's handler of this route, does, in fewer steps; None when that would leave anything out.

    Every dependency runs: of the endpoint, the route, the router and the application. The model that the endpoint
    returns is trusted to be the one that the route is documented with.
    """
    if not _is_lean(route):
        return None
    endpoint: _Dependency = route.endpoint
    request_name = route.dependant.request_param_name
    texts = [param.name for param in route.dependant.path_params]
    models = [(param.name, param.field_info.annotation) for param in route.dependant.body_params]
    dependencies = [_dependency(one) for one in route.dependant.dependencies]

    async def handle(request: Request) -> Response:
        arguments: dict[str, Any] = {name: request.path_params[name] for name in texts}
        for name, model in models:
            arguments[name] = await _read(request, model)
            if arguments[name] is None:
                return await whole(request)
        if request_name:
            arguments[request_name] = request
        for parameter, call, takes in dependencies:
            found = await call(**{takes: request} if takes else {})
            if parameter:
                arguments[parameter] = found
        return _response(await endpoint(**arguments))

    return handle


def _is_lean(route: APIRoute) -> bool:
    dependant = route.dependant
    takes_little = _is_plain(dependant) and _takes_texts(dependant) and _takes_json(dependant)
    return takes_little and not _shapes_answer(route) and all(_is_leaf(found) for found in dependant.dependencies)


async def _read(request: Request, model: Any) -> BaseModel | None:
    """The body; None for one that FastAPI refuses, or may decode otherwise."""
    if request.headers.get("content-type") != "application/json":
        return None
    try:
        found: BaseModel = model.model_validate(json.loads(await request.body()))
    except ClientDisconnect:
        raise HTTPException(400) from None
    except (ValueError, RecursionError):  # a ValidationError is a ValueError
        return None
    return found


def _response(answer: Any) -> Response:
    if isinstance(answer, BaseModel):
        return Response(answer.__pydantic_serializer__.to_json(answer), media_type="application/json")
    found: Response = answer
    return found


def _dependency(dependant: Dependant) -> tuple[str | None, _Dependency, str | None]:
    """The parameter that it is for, the function, and the name of the function's parameter for the request."""
    if dependant.call is None:
        raise TypeError("a dependency without a function")
    return dependant.name, dependant.call, dependant.request_param_name


def _is_leaf(dependant: Dependant) -> bool:
    return _is_plain(dependant) and not any((dependant.dependencies, dependant.path_params, dependant.body_params))


def _is_plain(dependant: Dependant) -> bool:
    """Whether a function is async and takes nothing that FastAPI would have to look up, but the request and a body."""
    looked_up = (
        *(dependant.query_params, dependant.header_params, dependant.cookie_params),
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


def _takes_json(dependant: Dependant) -> bool:
    """Whether its body, if it takes one, is one model as JSON."""
    fields = [field.field_info for field in dependant.body_params]
    return len(fields) < 2 and all(
        type(field) is Body and not field.embed and _is_model(field.annotation)
        for field in fields  # a Form is a Body
    )


def _is_model(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def _shapes_answer(route: APIRoute) -> bool:
    """Whether FastAPI would set a status of the route's own, or leave fields out."""
    leaves_out = (
        *(route.response_model_include, route.response_model_exclude, route.response_model_exclude_unset),
        *(route.response_model_exclude_defaults, route.response_model_exclude_none),
    )
    return route.status_code is not None or any(leaves_out)
