"""A small API that answers lists, built as a merchant's API is: routes, problems, request ids, and its document."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from checkie import web, webhooks
from checkie.app.api_document import Api
from checkie.db import Database
from checkie.kernel.ids import DeliveryId, EndpointId
from checkie.web import contract
from tests import make

router = APIRouter()


class DeliveryBody(BaseModel):
    """A delivery."""

    id: str
    event: str


class DeliveryListBody(web.ListBody[DeliveryBody]):
    """Deliveries to an endpoint, the newest event first."""


class EndpointBody(BaseModel):
    """An endpoint."""

    id: str


class EndpointListBody(web.ListBody[EndpointBody]):
    """Endpoints, the newest first."""


@router.get(
    "/stores/{store}/endpoints/{endpoint}/deliveries",
    responses=contract.problems(*contract.PAGED),
    openapi_extra=contract.takes_paging(DeliveryId),
)
async def list_deliveries(store: int, endpoint: str, request: Request) -> DeliveryListBody:
    """What was sent to an endpoint."""
    found = await webhooks.list_deliveries(
        web.runtime(request).db, store, EndpointId.parse(endpoint), web.paging(request, DeliveryId)
    )
    return DeliveryListBody(
        data=[DeliveryBody(id=one.id, event=one.event) for one in found.data], has_more=found.has_more
    )


@router.get(
    "/stores/{store}/endpoints",
    responses=contract.problems(*contract.PAGED),
    openapi_extra=contract.takes_paging(EndpointId),
)
async def list_endpoints(store: int, request: Request) -> EndpointListBody:
    """A store's endpoints."""
    found = await webhooks.list_endpoints(web.runtime(request).db, store, web.paging(request, EndpointId))
    return EndpointListBody(data=[EndpointBody(id=one.id) for one in found.data], has_more=found.has_more)


def create_app(db: Database) -> Api:
    """The application, on a database."""
    app = Api()
    app.state.runtime = web.Runtime(db, make.Clock(), make.KEYRING, "http://shop.example")
    app.include_router(router)
    app.add_middleware(web.Observed)
    web.install(app)
    return app
