"""A small API that answers lists, built as a merchant's API is: routes, problems, request ids, and its document."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request

from checkie import web, webhooks
from checkie.app.api_document import Api
from checkie.db import Database
from checkie.kernel.ids import DeliveryId, EndpointId
from checkie.web import ServicesDep, caller, contract, paging
from tests import make

router = web.Router()


class DeliveryBody(BaseModel):
    """A delivery."""

    id: str
    event: str


class DeliveryListBody(paging.ListBody[DeliveryBody]):
    """Deliveries to an endpoint, the newest event first."""


class EndpointBody(BaseModel):
    """An endpoint."""

    id: str


class EndpointListBody(paging.ListBody[EndpointBody]):
    """Endpoints, the newest first."""


@router.get(
    "/stores/{store}/endpoints/{endpoint}/deliveries",
    access=caller.OPERATOR,
    refuses=(paging.read,),
    openapi_extra=contract.takes_paging(DeliveryId),
)
async def list_deliveries(store: int, endpoint: str, request: Request, services: ServicesDep) -> DeliveryListBody:
    """What was sent to an endpoint."""
    found = await webhooks.list_deliveries(
        services.db, store, EndpointId.parse(endpoint), paging.read(request, DeliveryId)
    )
    return DeliveryListBody(
        data=[DeliveryBody(id=one.id, event=one.event) for one in found.data], has_more=found.has_more
    )


@router.get(
    "/stores/{store}/endpoints",
    access=caller.OPERATOR,
    refuses=(paging.read,),
    openapi_extra=contract.takes_paging(EndpointId),
)
async def list_endpoints(store: int, request: Request, services: ServicesDep) -> EndpointListBody:
    """A store's endpoints."""
    found = await webhooks.list_endpoints(services.db, store, paging.read(request, EndpointId))
    return EndpointListBody(data=[EndpointBody(id=one.id) for one in found.data], has_more=found.has_more)


def create_app(db: Database) -> Api:
    """The application, on a database."""
    app = Api(openapi_url=None)
    web.mount(app, make.services(db), router)
    return app
