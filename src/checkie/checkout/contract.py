"""What the OpenAPI document says about the widget API, beyond what its routes and bodies say themselves."""

from __future__ import annotations

from typing import Any, Final

from checkie.kernel.ids import SessionId
from checkie.web import contract

SESSION: Final = "ses_01m7ynr2qthrw80000016w5y05"
SESSION_SHAPE: Final = contract.id_shape(SessionId)
OPENED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The page and a new session.",
        "links": {
            name: {"operationId": name, "parameters": {"session_id": "$response.body#/session_id"}}
            for name in ("get_session", "change_session", "get_status", "initiate_payment")
        },
    }
}
STARTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The payment in progress.", **contract.REPLAYED}
}
CHANGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The session with its new quote.", **contract.REPLAYED}
}
