"""What the OpenAPI document says of the widget API: who may call, how each route may refuse."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from checkie import catalog, payments, stores
from checkie.checkout.model import (
    AlreadyPaid,
    EmailMissing,
    NoSuchSession,
    PaymentUnderWay,
    ProviderMissing,
    SessionOver,
    VersionMismatch,
    WrongSecret,
)
from checkie.checkout.quote import AmountNotYours, AmountOutOfRange, CurrencyMismatch, QuantityOutOfRange
from checkie.customers import InvalidEmail
from checkie.db import WriteConflict
from checkie.kernel.ids import SessionId
from checkie.web import contract

SESSION: Final = "ses_01m7ynr2qthrw80000016w5y05"
SESSION_SHAPE: Final = contract.id_shape(SessionId)
_READING: Final = contract.problems(NoSuchSession, WrongSecret)
_CHANGING: Final = contract.problems(
    *contract.JSON_BODY,
    NoSuchSession,
    WrongSecret,
    AlreadyPaid,
    PaymentUnderWay,
    SessionOver,
    VersionMismatch,
    InvalidEmail,
    QuantityOutOfRange,
    AmountNotYours,
    AmountOutOfRange,
    CurrencyMismatch,
    WriteConflict,
)
_PAYING: Final = (
    *contract.KEYED,
    NoSuchSession,
    WrongSecret,
    AlreadyPaid,
    SessionOver,
    ProviderMissing,
    payments.NoAttemptsLeft,
    EmailMissing,
    WriteConflict,
)
_OPENED: Final = {
    "description": "The page, and a session that was opened for this caller.",
    "links": {
        name: {"operationId": name, "parameters": {"session_id": "$response.body#/session_id"}}
        for name in ("get_session", "change_session", "get_status", "initiate_payment")
    },
}
_PAID: Final = {"description": "The payment under way.", **contract.REPLAYED}

Extra: TypeAlias = dict[str, Any]
OPEN: Final[Extra] = {
    "responses": {200: _OPENED, **contract.problems(stores.NoSuchStore, catalog.NoSuchPage)},
    "openapi_extra": contract.TAKES_UTM,
}
READ: Final[Extra] = {"responses": _READING, "openapi_extra": contract.SECRET_NEEDED}
CHANGE: Final[Extra] = {
    "responses": _CHANGING,
    "openapi_extra": {**contract.SECRET_NEEDED, **contract.TAKES_VERSION},
}
PAY: Final[Extra] = {
    "responses": {200: _PAID, **contract.problems(*contract.JSON_BODY, *_PAYING)},
    "openapi_extra": {**contract.SECRET_NEEDED, **contract.TAKES_KEY},
}
PAY_WITHOUT_BODY: Final[Extra] = {**PAY, "responses": {200: _PAID, **contract.problems(*_PAYING)}}
