"""Routes of the API. FastAPI documents all and runs those with a body; the others cost less without its machinery."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel


def router(tag: str, prefix: str = "") -> APIRouter:
    """A router for a part of the API. Operations are called like their functions."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=_Lean, generate_unique_id_function=lambda route: route.name)


class _Lean(APIRoute):
    """A route that takes nothing but texts of its path and the request is called with just these.

    The model that it answers with is trusted to be the one that it is documented with.
    """

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # Awaitable will do: it is only awaited
        """FastAPI asks for this when the route is made."""
        if set(inspect.signature(self.endpoint).parameters) - set(self.param_convertors) != {"request"}:
            return super().get_route_handler()
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            answer = await endpoint(**request.path_params, request=request)
            if isinstance(answer, BaseModel):
                return Response(answer.__pydantic_serializer__.to_json(answer), media_type="application/json")
            response: Response = answer
            return response

        return handle
