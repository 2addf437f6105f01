"""The simulator's faults: their rules, when they apply, and how they change the delivery of webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from checkie.providers.simulator.bank import faults
from checkie.providers.simulator.bank.errors import SimulatorError
from checkie.providers.simulator.bank.faults import DEFAULTS, Delivery, Rule

NOW_S = 1_770_000_000.0
FINAL, INTERMEDIATE = "intent.succeeded", "intent.requires_action"


def rule(seq: int, fault: str = "outage", **match: Any) -> Rule:
    return Rule(seq, fault, 1, match, {})


class TestARule:
    def test_applies_once_and_to_everything_by_default(self) -> None:
        parsed = faults.parse_rule({"fault": "late_success"})
        assert (parsed.remaining, parsed.match, parsed.params) == (1, {}, DEFAULTS["late_success"])

    def test_takes_its_parameters(self) -> None:
        parsed = faults.parse_rule({"fault": "webhook_late", "count": None, "match": {"amount": 5}, "delay_s": 0.5})
        assert (parsed.remaining, parsed.match, parsed.params) == (None, {"amount": 5}, {"delay_s": 0.5})

    @pytest.mark.parametrize(
        "body", [{"fault": "x"}, {"fault": "outage", "delay_s": 1}, {"fault": "slow_bank", "delay_s": "1"}]
    )
    def test_is_refused_when_it_is_invalid(self, body: dict[str, Any]) -> None:
        with pytest.raises(SimulatorError):
            faults.parse_rule(body)


class TestMatching:
    def test_the_oldest_rule_of_a_fault_applies(self) -> None:
        found = faults.matching([rule(1), rule(2)], faults.OF_CALL, {})
        assert found == {"outage": rule(1)}

    def test_every_fact_of_the_match_has_to_be_equal(self) -> None:
        rules = [rule(1, call="find", attempt="a")]
        assert faults.matching(rules, faults.OF_CALL, {"call": "find", "attempt": "a"})
        assert not faults.matching(rules, faults.OF_CALL, {"call": "find", "attempt": "b"})
        assert not faults.matching(rules, faults.OF_CALL, {"call": "find"})

    def test_a_fault_of_another_call_does_not_apply(self) -> None:
        assert not faults.matching([rule(1, "late_success")], faults.OF_CALL, {})

    def test_every_fault_belongs_to_a_call(self) -> None:
        assert set(DEFAULTS) == faults.OF_CALL | faults.OF_CREATE | faults.OF_CONFIRM
        assert faults.OF_WEBHOOKS <= faults.OF_CONFIRM


class TestDelivery:
    @pytest.mark.parametrize(
        ("event", "applied", "expected"),
        [
            (FINAL, {}, Delivery(NOW_S)),
            (FINAL, {"webhook_late": {"delay_s": 3}}, Delivery(NOW_S + 3)),
            (FINAL, {"webhook_duplicated": {"copies": 3}}, Delivery(NOW_S, 3)),
            (FINAL, {"webhook_lost": {}}, Delivery(None)),
            (FINAL, {"webhooks_reordered": {}}, Delivery(NOW_S, releases=True)),
            (INTERMEDIATE, {"webhooks_reordered": {}}, Delivery(None, held=True)),
            (FINAL, {"webhook_late": {"delay_s": 3}, "webhook_duplicated": {"copies": 2}}, Delivery(NOW_S + 3, 2)),
        ],
    )
    def test_follows_the_faults(self, event: str, applied: faults.Faults, expected: Delivery) -> None:
        assert faults.delivery(event, applied, NOW_S) == expected
