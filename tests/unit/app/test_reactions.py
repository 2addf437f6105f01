"""The table of reactions names only what exists."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from checkie.app.reactions import PROGRESS, REACTIONS, public_events
from checkie.outbox import Event


def known() -> dict[str, type[Event]]:
    def below(kind: type[Event]) -> list[type[Event]]:
        return [kind, *(found for child in kind.__subclasses__() for found in below(child))]

    return {kind.name: kind for kind in below(Event) if "name" in vars(kind)}


class TestReactions:
    @pytest.mark.parametrize("consumer", REACTIONS)
    def test_are_to_events_that_exist(self, consumer: str) -> None:
        assert set(REACTIONS[consumer]) <= set(known())

    def test_give_each_handler_the_event_that_it_takes(self) -> None:
        for event, handlers in PROGRESS.items():
            for handler in handlers:
                assert get_type_hints(handler)["event"] is event, handler

    def test_name_each_handler_for_its_event(self) -> None:
        for event, handlers in PROGRESS.items():
            names = {handler.__name__ for handler in handlers}
            assert names == {f"on_{event.name.replace('.', '_')}"}

    def test_queue_every_public_event_for_merchants(self) -> None:
        assert set(REACTIONS["merchants"]) == {name for name, kind in known().items() if kind.public}
        assert {"payment.completed", "payment.failed", "customer.created"} <= set(public_events())

    def test_name_every_public_event_once(self) -> None:
        assert len(public_events()) == len(set(public_events()))
