"""The HTTP application."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from checkie import __version__, web
from checkie.app.api_docs import router as api_docs
from checkie.app.api_document import ABOUT, TAGS, Api
from checkie.app.settings import Settings
from checkie.checkout.routes import router as widget
from checkie.db import OUTAGES
from checkie.payments.routes import router as provider_webhooks
from checkie.storefront.routes import router as storefront
from checkie.ui.routes import dev_router, files
from checkie.web import ServicesDep, caller

_READY_S: Final = 2.0
_METRICS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "In the text format of Prometheus.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}
operations = web.Router("Operations")
document = web.Router()


class Health(BaseModel):
    """The health of the process."""

    status: Literal["ok", "database_unavailable"]


_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": Health, "description": "The database does not answer."}
}


def create_app(settings: Settings, services: web.Services) -> FastAPI:
    """The application over open services; the caller closes them."""
    app = Api(
        title="Checkie",
        version=__version__,
        summary="A self-hosted checkout: pages, payments, one ledger, signed webhooks.",
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This installation"}],
        openapi_tags=TAGS,
        openapi_url=None,  # `document` serves it: a route of ours declares which callers it accepts
    )
    development = [dev_router] if settings.dev else []
    web.mount(app, services, operations, widget, provider_webhooks, document, api_docs, files, *development, storefront)
    return app


@operations.get("/health/live", access=caller.OPERATOR, summary="Check liveness")
async def live() -> Health:
    """The process runs."""
    return Health(status="ok")


@operations.get("/health/ready", access=caller.OPERATOR, summary="Check readiness", responses=_NOT_READY)
async def ready(services: ServicesDep, response: Response) -> Health:
    """The process can serve: its database answers."""
    try:
        async with asyncio.timeout(_READY_S):
            await services.db.fetchval("select 1")
    except OUTAGES:
        response.status_code = 503
        return Health(status="database_unavailable")
    return Health(status="ok")


@operations.get(
    "/metrics", access=caller.OPERATOR, summary="Retrieve metrics", response_class=Response, responses=_METRICS
)
async def metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@document.page("/api/openapi.json", access=caller.PUBLIC)
async def show_document(request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(request.app.openapi())
