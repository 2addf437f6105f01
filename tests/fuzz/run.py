"""Runs schemathesis against a running demo: `python -m tests.fuzz.run DATA --seed 1 --report REPORT.json`.

Beside schemathesis' own report it writes REPORT.json.seen: how often each operation gave each answer. Further options
go to `schemathesis run`, such as `--include-operation-id check_out`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.cli import schemathesis as command

from tests.fuzz.reach import Reach

CONFIG = Path(__file__).with_name("schemathesis.toml")
FORM = {"malformed_json", "content_type_unsupported", "invalid_request", "idempotency_key_invalid"}
"""What a request is refused with for its form, whatever it asks."""
SECRET = ("get_session", "change_session", "update_session", "get_status", "check_out", "initiate_payment")


def install(reach: Reach) -> None:
    """Register our hooks and checks with schemathesis."""

    @schemathesis.hook
    def before_call(_: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
        reach.lead(case, kwargs)

    @schemathesis.hook
    def after_call(_: HookContext, case: Case[Any], response: Response) -> None:
        reach.learn(case, response)

    @schemathesis.check
    def what_is_documented_is_not_refused_for_its_form(_: CheckContext, response: Response, case: Case[Any]) -> None:
        is_as_documented = case.meta is not None and case.meta.generation.mode.is_positive
        if is_as_documented and response.status_code >= 400:
            code = response.json()["code"]
            assert code not in FORM, f"refused with {code}: {response.text}"

    @schemathesis.check
    def a_secret_opens_its_own_session_alone(_: CheckContext, response: Response, case: Case[Any]) -> None:
        if response.status_code != 200 or case.operation.definition.raw["operationId"] not in SECRET:
            return
        session = reach.session_of(case)
        sent = response.request.headers.get("Authorization", "")
        scheme, token = (sent.decode("latin-1") if isinstance(sent, bytes) else sent).split(maxsplit=1)
        assert (scheme.lower(), token.strip()) == ("bearer", session.secret), "opened by another secret"


def main() -> None:
    """Run; the exit status is schemathesis'."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--report", type=Path, required=True)
    given, further = parser.parse_known_args()
    reach = Reach(given.data, given.seed)
    install(reach)
    arguments = ["--config-file", str(CONFIG), "--no-color", "run", f"{reach.base_url}/api/openapi.json"]
    try:
        report = ["--report", "json", "--report-json-path", str(given.report)]
        command([*arguments, "--seed", str(given.seed), *report, *further])
    finally:
        given.report.with_suffix(".json.seen").write_text(json.dumps(reach.seen))


if __name__ == "__main__":
    main()
