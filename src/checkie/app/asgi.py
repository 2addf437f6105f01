"""The HTTP application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from checkie import __version__, web
from checkie.app.api_docs import router as api_docs
from checkie.app.api_document import ABOUT, TAGS, Api
from checkie.app.settings import Settings
from checkie.checkout.routes import router as widget
from checkie.payments.port import Providers
from checkie.payments.routes import router as provider_webhooks
from checkie.storefront import ProviderPage
from checkie.storefront.routes import router as storefront
from checkie.ui.routes import router as ui

_READY_S: Final = 2.0
_METRICS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "In the text format of Prometheus.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


class Health(BaseModel):
    """Whether the process is well."""

    status: Literal["ok", "database_unavailable"]


_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": Health, "description": "The database does not answer."}
}


def create_app(
    settings: Settings,
    runtime: web.Runtime,
    providers: Providers,
    provider_pages: Mapping[str, ProviderPage],
) -> FastAPI:
    """The application over open parts; whoever opened them closes them."""
    app = Api(
        title="Checkie",
        version=__version__,
        summary="A self-hosted checkout: pages, payments, one ledger, signed webhooks.",
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This installation"}],
        openapi_tags=TAGS,
        docs_url=None,  # api_docs has a page that loads nothing from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.runtime = runtime
    app.state.providers = providers
    app.state.provider_pages = provider_pages
    app.state.dev = settings.dev
    web.install(app)
    _add_operations(app)
    for router in (widget, provider_webhooks, api_docs, ui, storefront):
        app.router.routes.extend(router.routes)
    app.add_middleware(web.Observed)
    return app


def _add_operations(app: FastAPI) -> None:
    @app.get("/health/live", tags=["Operations"], summary="Is it alive?")
    async def live() -> Health:
        """The process runs."""
        return Health(status="ok")

    @app.get("/health/ready", tags=["Operations"], summary="Is it ready?", responses=_NOT_READY)
    async def ready(request: Request, response: Response) -> Health:
        """The process can serve: its database answers."""
        try:
            async with asyncio.timeout(_READY_S):
                await web.runtime(request).db.fetchval("select 1")
        except (OSError, TimeoutError):
            response.status_code = 503
            return Health(status="database_unavailable")
        return Health(status="ok")

    @app.get("/metrics", tags=["Operations"], summary="Read the metrics", response_class=Response, responses=_METRICS)
    async def metrics() -> Response:
        """Prometheus metrics of this process."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
