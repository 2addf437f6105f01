"""A lifecycle is one table: (state, verb) -> (state, event). This runs it, checks it and draws it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from checkie.kernel.refusal import Conflict

State = TypeVar("State", bound=StrEnum)
Verb = TypeVar("Verb", bound=StrEnum)
Event = TypeVar("Event")
Row = TypeVar("Row")


class IllegalTransition(Conflict):
    """The status of the resource does not allow this transition."""

    code = "illegal_transition"


@dataclass(frozen=True)
class Lifecycle(Generic[State, Verb, Event]):
    """Every transition of a resource; each pair that `transitions` lacks is refused with `refusal`.

    `Event` is the class of what the transition publishes (None: it publishes nothing).
    """

    name: str
    start: State
    transitions: Mapping[tuple[State, Verb], tuple[State, Event]]
    refusal: type[Conflict] = IllegalTransition

    def __post_init__(self) -> None:
        unreachable = set(type(self.start)) - self.reachable()
        if unreachable:
            raise ValueError(f"{self.name}: no transition leads to {', '.join(sorted(unreachable))}")

    def next(self, state: State, verb: Verb) -> tuple[State, Event]:
        """The next state and what to publish. Refuses every pair that is not in the table."""
        if not self.allows(state, verb):
            raise self.refusal(
                f"A {self.name} that is {state} cannot {verb.replace('_', ' ')}.", state=state, verb=verb
            )
        return self.transitions[state, verb]

    def step(self, row: Row, verb: Verb) -> tuple[Row, Event]:
        """`row`, a dataclass with a `status`, after `verb`, and what to publish: the one way a status changes.

        Refuses what the table lacks.
        """
        before: Any = row
        status, event = self.next(before.status, verb)
        changed: Row = replace(before, status=status)
        return changed, event

    def allows(self, state: State, verb: Verb) -> bool:
        """Whether the table has this transition."""
        return (state, verb) in self.transitions

    def path(self, state: State, target: State) -> list[Verb]:
        """The fewest verbs that lead from `state` to `target`; none if it is there, or if no way leads there."""
        paths: dict[State, list[Verb]] = {state: []}
        ahead = [state]
        while ahead and target not in paths:
            here = ahead.pop(0)
            for (source, verb), (reached, _) in self.transitions.items():
                if source == here and reached not in paths:
                    paths[reached] = [*paths[here], verb]
                    ahead.append(reached)
        return paths.get(target, [])

    def reachable(self) -> set[State]:
        """Every state that some path leads to from the start."""
        return {state for state in type(self.start) if state == self.start or self.path(self.start, state)}

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram, an arrow a row."""
        return "\n".join(["stateDiagram-v2", f"    [*] --> {self.start}", *self._arrows()])

    def _arrows(self) -> Iterator[str]:
        for (source, verb), (target, event) in self.transitions.items():
            published = getattr(event, "name", None)
            yield f"    {source} --> {target}: {verb}" + (f" / {published}" if published else "")
        for state in type(self.start):
            if not any(source == state for source, _ in self.transitions):
                yield f"    {state} --> [*]"
