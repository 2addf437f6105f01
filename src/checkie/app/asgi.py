"""The HTTP application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from checkie import __version__, web
from checkie.app.settings import Settings
from checkie.checkout.routes import router as widget
from checkie.payments.port import Provider
from checkie.payments.routes import router as provider_webhooks
from checkie.storefront import ProviderPage
from checkie.storefront.routes import router as storefront

_READY_S: Final = 2.0


class Health(BaseModel):
    """Whether the process is well."""

    status: str


def create_app(
    settings: Settings,
    runtime: web.Runtime,
    providers: Mapping[str, Provider],
    provider_pages: Mapping[str, ProviderPage],
) -> FastAPI:
    """The application over open parts; whoever opened them closes them."""
    app = FastAPI(
        title="Checkie",
        version=__version__,
        summary="A self-hosted checkout: pages, payments, one ledger, signed webhooks.",
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.runtime = runtime
    app.state.providers = providers
    app.state.provider_pages = provider_pages
    app.state.dev = settings.dev
    web.install(app)
    _add_operations(app)
    app.include_router(widget)
    app.include_router(provider_webhooks)
    app.include_router(storefront)
    app.add_middleware(web.Observed)
    return app


def _add_operations(app: FastAPI) -> None:
    @app.get("/health/live", tags=["Operations"])
    async def live() -> Health:
        """The process runs."""
        return Health(status="ok")

    @app.get("/health/ready", tags=["Operations"], responses={503: {"description": "The database does not answer"}})
    async def ready(request: Request, response: Response) -> Health:
        """The process can serve: its database answers."""
        try:
            async with asyncio.timeout(_READY_S):
                await web.runtime(request).db.fetchval("select 1")
        except (OSError, TimeoutError):
            response.status_code = 503
            return Health(status="database_unavailable")
        return Health(status="ok")

    @app.get("/metrics", tags=["Operations"], response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics of this process."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
