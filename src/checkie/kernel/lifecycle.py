"""A lifecycle is one table: (state, verb) -> (state, event). This runs it, checks it and draws it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from checkie.kernel.refusal import Conflict

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event")


class IllegalMove(Conflict):
    """The status of the resource does not allow this."""

    code = "illegal_move"


@dataclass(frozen=True)
class Lifecycle(Generic[State, Event]):
    """Every move a thing may make; each pair that `moves` lacks is refused with `refusal`.

    `Event` is the class of what is published with the move (None: the move is not news).
    """

    name: str
    start: State
    moves: Mapping[tuple[State, str], tuple[State, Event]]
    refusal: type[Conflict] = IllegalMove

    def __post_init__(self) -> None:
        unreachable = set(type(self.start)) - self.reachable()
        if unreachable:
            raise ValueError(f"{self.name}: no way leads to {', '.join(sorted(unreachable))}")

    def move(self, state: State, verb: str) -> tuple[State, Event]:
        """The next state and what to publish. Refuses every pair that is not in the table."""
        if (state, verb) not in self.moves:
            raise self.refusal(
                f"A {self.name} that is {state} cannot {verb.replace('_', ' ')}.", state=state, verb=verb
            )
        return self.moves[state, verb]

    def allows(self, state: State, verb: str) -> bool:
        """Whether the table has this move."""
        return (state, verb) in self.moves

    def reachable(self) -> set[State]:
        """Every state that some way leads to from the start."""
        seen: set[State] = set()
        ahead = [self.start]
        while ahead:
            state = ahead.pop()
            if state not in seen:
                seen.add(state)
                ahead.extend(target for (source, _), (target, _) in self.moves.items() if source == state)
        return seen

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram, an arrow a row."""
        return "\n".join(["stateDiagram-v2", f"    [*] --> {self.start}", *self._arrows()])

    def _arrows(self) -> Iterator[str]:
        for (source, verb), (target, event) in self.moves.items():
            news = getattr(event, "name", None)
            yield f"    {source} --> {target}: {verb}" + (f" / {news}" if news else "")
        for state in type(self.start):
            if not any(source == state for source, _ in self.moves):
                yield f"    {state} --> [*]"
