"""Leads generated requests to sessions that exist, so that they do not all end in a 404.

A pool of real sessions is kept in every state: between the cases a buyer takes a step now and then. A case that is not
about a wrong id gets the id of one of them, most get its secret; a webhook gets a real attempt and a good signature.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
from requests.structures import CaseInsensitiveDict
from schemathesis import Case, Response
from schemathesis.core.parameters import ParameterLocation

PAGES = ("field-notes", "support-us")
CARDS = ("4242424242424242", "4242424242424242", "4000000000000002", "4000002760003184")
EVENTS = ("succeeded", "declined", "processing", "requires_action", "cancelled", "refunded", "refunded", "refunded")
STEP_EVERY = 6
ODD: tuple[Any, ...] = (None, True, -1, 0, 1, 10**12, 10**30, 1.5, "", "usd", "x" * 400, [], {}, [[]], "é\u2028", "EUR")
ODD += ("a\0b", "\ud800")


@dataclass
class Known:
    """A session that was opened for us."""

    id: str
    secret: str
    is_named: bool = False
    """Whether it has an email address: only then can it be paid."""
    provider: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


class Reach:
    """What is there to be reached. Seeded, so that a run can be repeated, as far as a server with a clock allows."""

    def __init__(self, data: Path, seed: int) -> None:
        facts = json.loads((data / "demo.json").read_text())
        self.random = Random(seed)  # noqa: S311  repeatable on purpose
        self.base_url: str = facts["base_url"]
        self.signing_key: str = json.loads((data / "secrets.json").read_text())["simulator_webhook_secret"]
        self.http = httpx.Client(timeout=20)
        self.pool: deque[Known] = deque(maxlen=40)
        self.by_id: dict[str, Known] = {}
        self.attempts: deque[str] = deque(maxlen=40)
        self.notified: set[str] = set()
        """Attempts that had a webhook: for the others a refund can still come too early."""
        self.seen: Counter[str] = Counter()
        self.cases = 0

    # -- hooks --------------------------------------------------------------------------------------------------------

    def lead(self, case: Case[Any], kwargs: dict[str, Any]) -> None:
        """Before a case is sent."""
        self.cases += 1
        if self.cases % STEP_EVERY == 1:
            self._step()
        if not _is_negative(case, ParameterLocation.PATH):
            self._lead_path(case)
        session = self._lead_body(case, kwargs)
        if session is None and "security" in case.operation.definition.raw:
            session = self._any()  # some secret, so that an id that is none gets its answer
        if not _is_negative(case, ParameterLocation.HEADER):
            self._lead_headers(case, session)
        elif session and self.random.random() < 0.9:  # so that other headers than the secret are looked at
            headers: CaseInsensitiveDict[Any] = CaseInsensitiveDict(case.headers or {})
            headers.update(session.headers)
            case.headers = headers

    def learn(self, case: Case[Any], response: Response) -> None:
        """After it was answered."""
        body = _json(response)
        code = body.get("code", "") if response.status_code >= 400 else ""
        self.seen[f"{case.operation.definition.raw['operationId']} {response.status_code} {code}".strip()] += 1
        if isinstance(body.get("session"), dict):
            self._remember(body["session"])
        if isinstance(body.get("attempt"), dict):
            self.attempts.append(body["attempt"]["id"])

    def session_of(self, case: Case[Any]) -> Known:
        """The session that a case is about."""
        body: Any = case.body
        return self.by_id[str(case.path_parameters.get("session_id") or body["session_id"])]

    # -- leading ------------------------------------------------------------------------------------------------------

    def _lead_path(self, case: Case[Any]) -> None:
        path = case.path_parameters
        if "store_slug" in path and self.random.random() < 0.8:
            case.path_parameters = {**path, "store_slug": "demo", "page_slug": self.random.choice(PAGES)}
        elif "provider" in path and self.random.random() < 0.9:
            case.path_parameters = {**path, "provider": "simulator"}
        elif "session_id" in path and path["session_id"] not in self.by_id and self.random.random() < 0.9:
            case.path_parameters = {**path, "session_id": self._any(to_pay="initiate" in case.path).id}

    def _lead_body(self, case: Case[Any], kwargs: dict[str, Any]) -> Known | None:
        """The session that the case is about, if it is one of ours."""
        body: Any = case.body
        led = isinstance(body, dict) and not _is_negative(case, ParameterLocation.BODY)
        if led and case.path_parameters.get("provider") == "simulator":
            self._sign(case, kwargs)
        elif led and "session_id" in body and self.random.random() < 0.95:
            session = self._any(to_pay=True)
            case.body = {**body, "session_id": session.id}
            return session
        elif led and "session_id" in case.path_parameters and self.random.random() < 0.4:
            changes: list[Any] = [{"quantity": self.random.randint(1, 10)}, {"email": "x@example.com"}, {}]
            case.body = self.random.choice(changes)
        return self.by_id.get(str(case.path_parameters.get("session_id")))

    def _lead_headers(self, case: Case[Any], session: Known | None) -> None:
        headers: CaseInsensitiveDict[Any] = CaseInsensitiveDict(case.headers or {})
        if session:  # sometimes another session's secret, or what was generated
            opened_by = self.random.choices((session, self._any(), None), (80, 8, 12))[0]
            headers.update(opened_by.headers if opened_by else {})
        if "Idempotency-Key" in headers and self.random.random() < 0.7:  # else most repeat another session's
            bare = headers["Idempotency-Key"].strip(' "')
            headers["Idempotency-Key"] = f"{bare[:200]}.{self.cases}"
        case.headers = headers

    def _sign(self, case: Case[Any], kwargs: dict[str, Any]) -> None:
        """Mostly a real event about a real attempt, with a field or two as no provider would send them."""
        if self.random.random() < 0.05:
            return
        body = json.dumps(self._event() if self.attempts and self.random.random() < 0.9 else case.body).encode()
        now_s = str(int(time.time()))  # noqa: TID251  the provider has a clock
        digest = hmac.new(self.signing_key.encode(), f"{now_s}.".encode() + body, hashlib.sha256).hexdigest()
        case.headers["Simulator-Signature"] = f"t={now_s},v1={digest}"
        kwargs["data"] = body

    def _event(self) -> dict[str, Any]:
        kind = self.random.choice(EVENTS)
        unreported = [attempt for attempt in self.attempts if attempt not in self.notified]
        attempt = self.random.choice(unreported if unreported and kind == "refunded" else self.attempts)
        self.notified.add(attempt)
        if self.random.random() < 0.02:  # sometimes an attempt that does not exist
            attempt = attempt[:-1] + ("0" if attempt[-1] != "0" else "1")
        intent = {
            "id": f"sim_{self.random.randrange(10**6)}",
            "status": "succeeded" if kind == "refunded" else kind,
            "amount": 2500,
            "amount_received": 2500,
            "currency": "USD",
            "failure": {"code": "card_declined", "message": "No."},
            "card": {"brand": "visa", "last4": "4242"},
            "refunded": 100,
            "three_d_secure": None,
            "metadata": {"attempt": attempt},
        }
        event = {"id": f"sev_{self.random.randrange(1000)}", "type": f"intent.{kind}", "data": {"intent": intent}}
        for _ in range(self.random.choice((0, 1, 1, 2))):
            part: dict[str, Any] = self.random.choice((event, intent, intent, intent))
            part[self.random.choice(list(part))] = self.random.choice(ODD)
        return event

    # -- a buyer ------------------------------------------------------------------------------------------------------

    def _any(self, *, to_pay: bool = False) -> Known:
        while len(self.pool) < 3:
            self._open()
        named = [session for session in self.pool if session.is_named]
        return self.random.choice(named if to_pay and named and self.random.random() < 0.8 else self.pool)

    def _open(self) -> None:
        page = self.random.choice(PAGES)
        self._remember(self._call("GET", f"{self.base_url}/api/widget/pages/demo/{page}")["session"])

    def _remember(self, session: dict[str, Any]) -> None:
        known = Known(session["id"], session["client_secret"])
        self.by_id[known.id] = known
        self.pool.append(known)

    def _step(self) -> None:
        """A buyer takes the next step: opens a page, enters an address, pays, enters a card."""
        session = self._any()
        step = self.random.choice(("open", "name", "pay", "pay", "confirm", "confirm"))
        if step == "open":
            self._open()
        elif step == "name":
            url = f"{self.base_url}/api/widget/sessions/{session.id}"
            self._call("PATCH", url, json={"email": "ada@example.com"}, headers=session.headers)
            session.is_named = True
        elif step == "pay":
            url, body = f"{self.base_url}/api/widget/checkout", {"session_id": session.id}
            paying = self._call("POST", url, json=body, headers=session.headers)
            session.provider = paying.get("provider", {})
            self.attempts.extend([paying["attempt"]["id"]] if "attempt" in paying else [])
        elif session.provider.get("confirm_url"):
            card = {"number": self.random.choice(CARDS), "exp_month": 12, "exp_year": 2040, "cvc": "123"}
            secret = session.provider["client_secret"]
            self._call("POST", session.provider["confirm_url"], json={"client_secret": secret, "card": card})

    def _call(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        answer = self.http.request(method, url, **request)
        assert answer.status_code < 500, answer.text
        body: dict[str, Any] = answer.json()
        return body


def _is_negative(case: Case[Any], where: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(where)


def _json(response: Response) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
