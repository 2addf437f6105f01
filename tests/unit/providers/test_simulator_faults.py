"""How the simulator's faults are ordered, strike and bend the sending of webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from checkie.providers.simulator import faults
from checkie.providers.simulator.faults import DEFAULTS, Rule, Sending
from checkie.providers.simulator.problem import Problem

NOW_S = 1_770_000_000.0
END, MIDDLE = "intent.succeeded", "intent.requires_action"


def rule(seq: int, fault: str = "outage", **match: Any) -> Rule:
    return Rule(seq, fault, 1, match, {})


class TestARule:
    def test_strikes_once_and_everything_unless_told_otherwise(self) -> None:
        made = faults.rule({"fault": "late_success"})
        assert (made.left, made.match, made.params) == (1, {}, DEFAULTS["late_success"])

    def test_takes_its_parameters(self) -> None:
        made = faults.rule({"fault": "webhook_late", "count": None, "match": {"amount": 5}, "delay_s": 0.5})
        assert (made.left, made.match, made.params) == (None, {"amount": 5}, {"delay_s": 0.5})

    @pytest.mark.parametrize(
        "asked", [{"fault": "x"}, {"fault": "outage", "delay_s": 1}, {"fault": "slow_bank", "delay_s": "1"}]
    )
    def test_that_makes_no_sense_is_refused(self, asked: dict[str, Any]) -> None:
        with pytest.raises(Problem):
            faults.rule(asked)


class TestStriking:
    def test_the_oldest_rule_of_a_fault_strikes(self) -> None:
        struck = faults.striking([rule(1), rule(2)], faults.OF_CALL, {})
        assert struck == {"outage": rule(1)}

    def test_every_fact_of_the_match_has_to_be_equal(self) -> None:
        rules = [rule(1, call="find", attempt="a")]
        assert faults.striking(rules, faults.OF_CALL, {"call": "find", "attempt": "a"})
        assert not faults.striking(rules, faults.OF_CALL, {"call": "find", "attempt": "b"})
        assert not faults.striking(rules, faults.OF_CALL, {"call": "find"})

    def test_a_fault_of_another_moment_does_not_strike(self) -> None:
        assert not faults.striking([rule(1, "late_success")], faults.OF_CALL, {})

    def test_every_fault_has_its_moment(self) -> None:
        assert set(DEFAULTS) == faults.OF_CALL | faults.OF_CREATE | faults.OF_CONFIRM
        assert faults.OF_WEBHOOKS <= faults.OF_CONFIRM


class TestSending:
    @pytest.mark.parametrize(
        ("event", "struck", "expected"),
        [
            (END, {}, Sending(NOW_S)),
            (END, {"webhook_late": {"delay_s": 3}}, Sending(NOW_S + 3)),
            (END, {"webhook_duplicated": {"copies": 3}}, Sending(NOW_S, 3)),
            (END, {"webhook_lost": {}}, Sending(None)),
            (END, {"webhooks_reordered": {}}, Sending(NOW_S, releases=True)),
            (MIDDLE, {"webhooks_reordered": {}}, Sending(None, held=True)),
            (END, {"webhook_late": {"delay_s": 3}, "webhook_duplicated": {"copies": 2}}, Sending(NOW_S + 3, 2)),
        ],
    )
    def test_bends_as_the_faults_say(self, event: str, struck: faults.Faults, expected: Sending) -> None:
        assert faults.sending(event, struck, NOW_S) == expected
