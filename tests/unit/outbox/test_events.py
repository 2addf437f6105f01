"""Every event is named for what happened, and is plain JSON."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Final, get_type_hints

import pytest

from checkie.app import reactions  # noqa: F401 imports every module that publishes
from checkie.db import PARTITIONS, partition_of
from checkie.kernel.ids import SessionId
from checkie.outbox import Event
from tests.make import START, STORE

PLAIN: Final = {str, int, bool, str | None, int | None}


def below(kind: type[Event]) -> list[type[Event]]:
    ours = (child for child in kind.__subclasses__() if child.__module__.startswith("checkie."))
    return [found for child in ours for found in (child, *below(child))]


# A dataclass with slots is created twice, and the first class may still exist: both have the event's name.
EVENTS: Final = list({kind.name: kind for kind in below(Event) if "name" in vars(kind)}.values())


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)
class TestEveryEvent:
    def test_is_named_for_its_subject_and_change(self, kind: type[Event]) -> None:
        noun, _, verb = kind.name.partition(".")
        assert re.fullmatch(r"[a-z]+", noun)
        assert re.fullmatch(r"[a-z_]+", verb)
        assert kind.__name__ == noun.title() + verb.title().replace("_", "")

    def test_is_frozen_and_plain(self, kind: type[Event]) -> None:
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # typeshed does not know it
        hints = get_type_hints(kind)
        assert {hints[field.name] for field in fields(kind)} <= PLAIN

    def test_declares_whether_it_is_public_and_its_version(self, kind: type[Event]) -> None:
        assert isinstance(kind.public, bool)
        assert kind.version >= 1


class TestNames:
    def test_are_each_of_one_event(self) -> None:
        assert len({kind.__qualname__ for kind in EVENTS}) == len(EVENTS)
        for kind in below(Event):
            if "name" in vars(kind):
                assert kind.__qualname__ == {found.name: found for found in EVENTS}[kind.name].__qualname__


class TestPartitions:
    def test_share_aggregates_evenly(self) -> None:
        counts = [0] * PARTITIONS
        for _ in range(PARTITIONS * 200):
            counts[partition_of(SessionId.new(STORE, START).number)] += 1
        assert min(counts) > 120
        assert max(counts) < 280
