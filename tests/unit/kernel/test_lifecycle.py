"""A lifecycle is its table."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from checkie.kernel import Conflict, Lifecycle
from checkie.kernel.lifecycle import IllegalTransition
from tests.play import play


class Door(StrEnum):
    SHUT = "SHUT"
    OPEN = "OPEN"
    GONE = "GONE"


class Opened:
    name = "door.opened"


class Verb(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    TAKE_OFF = "take_off"


TRANSITIONS: dict[tuple[Door, Verb], tuple[Door, Any]] = {
    (Door.SHUT, Verb.OPEN): (Door.OPEN, Opened),
    (Door.OPEN, Verb.SHUT): (Door.SHUT, None),
    (Door.OPEN, Verb.TAKE_OFF): (Door.GONE, None),
}
DOOR = Lifecycle(name="door", start=Door.SHUT, transitions=TRANSITIONS)


class TestLifecycle:
    def test_follows_its_table_and_refuses_the_rest(self) -> None:
        play(
            DOOR,
            """
            shut      !  illegal_transition
            open      -> OPEN
            open      !  illegal_transition
            shut      -> SHUT
            take_off  !  illegal_transition
            open      -> OPEN
            take_off  -> GONE
            open      !  illegal_transition
            paint     !  illegal_transition   # a verb that no row has
            """,
        )

    def test_names_the_event_to_publish(self) -> None:
        assert DOOR.next(Door.SHUT, Verb.OPEN) == (Door.OPEN, Opened)

    def test_says_in_words_what_it_refuses(self) -> None:
        with pytest.raises(IllegalTransition, match=r"A door that is SHUT cannot take off\.") as refused:
            DOOR.next(Door.SHUT, Verb.TAKE_OFF)
        assert refused.value.facts == {"state": Door.SHUT, "verb": "take_off"}

    def test_refuses_with_the_refusal_it_was_given(self) -> None:
        class DoorStuck(Conflict):
            """Stuck."""

            code = "door_stuck"

        play(Lifecycle(name="door", start=Door.SHUT, transitions=TRANSITIONS, refusal=DoorStuck), "shut ! door_stuck")

    def test_with_an_unreachable_state_cannot_be_created(self) -> None:
        planted = {pair: target for pair, target in TRANSITIONS.items() if target[0] is not Door.GONE}
        with pytest.raises(ValueError, match="door: no transition leads to GONE"):
            Lifecycle(name="door", start=Door.SHUT, transitions=planted)

    def test_with_states_that_only_reach_each_other_cannot_be_created(self) -> None:
        planted: dict[tuple[Door, Verb], tuple[Door, Any]] = {
            (Door.SHUT, Verb.SHUT): (Door.SHUT, None),
            (Door.OPEN, Verb.TAKE_OFF): (Door.GONE, None),
            (Door.GONE, Verb.OPEN): (Door.OPEN, None),
        }
        with pytest.raises(ValueError, match="no transition leads to GONE, OPEN"):
            Lifecycle(name="door", start=Door.SHUT, transitions=planted)

    def test_knows_the_shortest_path(self) -> None:
        assert DOOR.path(Door.SHUT, Door.GONE) == [Verb.OPEN, Verb.TAKE_OFF]
        assert DOOR.path(Door.SHUT, Door.SHUT) == []
        assert DOOR.path(Door.GONE, Door.SHUT) == []

    def test_is_drawn(self) -> None:
        assert DOOR.mermaid().splitlines() == [
            "stateDiagram-v2",
            "    [*] --> SHUT",
            "    SHUT --> OPEN: open / door.opened",
            "    OPEN --> SHUT: shut",
            "    OPEN --> GONE: take_off",
            "    GONE --> [*]",
        ]
