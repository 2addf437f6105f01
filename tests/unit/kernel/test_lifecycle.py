"""A lifecycle is its table."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from checkie.kernel import Conflict, Lifecycle
from checkie.kernel.lifecycle import IllegalMove
from tests.play import play


class Door(StrEnum):
    SHUT = "SHUT"
    OPEN = "OPEN"
    GONE = "GONE"


class Opened:
    name = "door.opened"


MOVES: dict[tuple[Door, str], tuple[Door, Any]] = {
    (Door.SHUT, "open"): (Door.OPEN, Opened),
    (Door.OPEN, "shut"): (Door.SHUT, None),
    (Door.OPEN, "take_off"): (Door.GONE, None),
}
DOOR = Lifecycle(name="door", start=Door.SHUT, moves=MOVES)


class TestLifecycle:
    def test_goes_as_its_table_says_and_refuses_the_rest(self) -> None:
        play(
            DOOR,
            """
            shut      !  illegal_move
            open      -> OPEN
            open      !  illegal_move
            shut      -> SHUT
            take_off  !  illegal_move
            open      -> OPEN
            take_off  -> GONE
            open      !  illegal_move
            paint     !  illegal_move   # a verb that no row has
            """,
        )

    def test_tells_what_happened(self) -> None:
        assert DOOR.move(Door.SHUT, "open") == (Door.OPEN, Opened)

    def test_says_in_words_what_it_refuses(self) -> None:
        with pytest.raises(IllegalMove, match=r"A door that is SHUT cannot take off\.") as refused:
            DOOR.move(Door.SHUT, "take_off")
        assert refused.value.facts == {"state": Door.SHUT, "verb": "take_off"}

    def test_refuses_with_the_refusal_it_was_given(self) -> None:
        class DoorStuck(Conflict):
            """Stuck."""

            code = "door_stuck"

        play(Lifecycle(name="door", start=Door.SHUT, moves=MOVES, refusal=DoorStuck), "shut ! door_stuck")

    def test_with_a_state_that_no_way_leads_to_cannot_be_made(self) -> None:
        planted = {pair: target for pair, target in MOVES.items() if target[0] is not Door.GONE}
        with pytest.raises(ValueError, match="door: no way leads to GONE"):
            Lifecycle(name="door", start=Door.SHUT, moves=planted)

    def test_does_not_take_an_island_for_a_way(self) -> None:
        planted = {(Door.SHUT, "shut"): (Door.SHUT, None), (Door.OPEN, "fall"): (Door.GONE, None)}
        planted[Door.GONE, "rise"] = (Door.OPEN, None)
        with pytest.raises(ValueError, match="no way leads to GONE, OPEN"):
            Lifecycle(name="door", start=Door.SHUT, moves=planted)

    def test_is_drawn(self) -> None:
        assert DOOR.mermaid().splitlines() == [
            "stateDiagram-v2",
            "    [*] --> SHUT",
            "    SHUT --> OPEN: open / door.opened",
            "    OPEN --> SHUT: shut",
            "    OPEN --> GONE: take_off",
            "    GONE --> [*]",
        ]
