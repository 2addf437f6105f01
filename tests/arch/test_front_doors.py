"""Nothing reaches past another module's front door, and a front door is short enough to be read first."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.tree import Source, plant, read

OPEN_TO_ALL = {"events", "port", "queries"}
OPEN_TO_APP = {"follow", "routes"}
"""The composition root also mounts each module's routes, and subscribes its handlers of events."""
DOORS_OF_THEIR_OWN = {"kernel.ids", "providers.simulator.http"}
"""All id types: one for each kind of thing, so their number is not limited. The simulator's service, which only its own
process loads."""
MAX_LINES = 40
MAX_NAMES = 15
RATCHET: dict[str, int] = {}
"""Front doors that show more, with how many names they show. A number may only shrink, and goes when it fits."""


def imported(source: Source) -> Iterator[tuple[str, int]]:
    """Each thing of ours that `source` imports, as a path below the package, and the line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("checkie."):
                    yield alias.name.removeprefix("checkie."), node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "checkie":
            for alias in node.names:
                yield f"{node.module}.{alias.name}".removeprefix("checkie."), node.lineno


def imports_past_doors(sources: list[Source]) -> list[str]:
    """Imports of what is behind another module's front door."""
    files = {source.name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): source for source in sources}
    found = []
    for source in sources:
        allowed = OPEN_TO_ALL | (OPEN_TO_APP if source.module == "app" else set())
        for target, line in imported(source):
            door, behind = split(target)
            name = behind.partition(".")[0]
            if door.partition(".")[0] == source.module or not behind or name in allowed:
                continue
            if door in files and behind in shown(files[door].tree):  # a verb may be called like its file
                continue
            if f"{door}.{name}" in files or name.startswith("_"):
                found.append(f"{source.name}:{line} imports {target}")
    return found


def split(target: str) -> tuple[str, str]:
    """The front door on the way to `target`, and what lies behind it. `providers` is a folder of doors."""
    parts = target.split(".")
    depth = 2 if parts[0] == "providers" else 1
    if ".".join(parts[: depth + 1]) in DOORS_OF_THEIR_OWN:
        depth += 1
    return ".".join(parts[:depth]), ".".join(parts[depth:])


def test_no_module_reaches_past_anothers_front_door() -> None:
    found = imports_past_doors(read())
    assert not found, "\n".join(found)


WORLD = {
    "orders/__init__.py": "from checkie.orders.cancel import cancel\n__all__ = ['cancel']",
    "orders/cancel.py": "def cancel(): ...",
    "orders/sql.py": "",
    "orders/events.py": "",
    "orders/port.py": "",
    "orders/routes.py": "",
    "kernel/__init__.py": "",
    "kernel/id.py": "",
    "kernel/ids.py": "",
    "providers/__init__.py": "",
    "providers/stripe/__init__.py": "",
    "providers/stripe/cards.py": "",
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("checkout/pay.py", "from checkie.orders import sql"),
        ("checkout/pay.py", "from checkie.orders.sql import insert"),
        ("checkout/pay.py", "import checkie.orders.sql"),
        ("checkout/pay.py", "def pay():\n    from checkie.orders import sql"),
        ("checkout/pay.py", "from checkie.orders.cancel import cancel"),
        ("checkout/pay.py", "from checkie.orders import routes"),
        ("checkout/pay.py", "from checkie.orders import _secret"),
        ("checkout/pay.py", "from checkie.kernel.id import Id"),
        ("app/asgi.py", "from checkie.orders import sql"),
        ("app/asgi.py", "from checkie.providers.stripe import cards"),
        ("app/asgi.py", "from checkie.providers.stripe.cards import Stripe"),
    ],
)
def test_reaching_past_is_found(tmp_path: Path, name: str, text: str) -> None:
    assert len(imports_past_doors(plant(tmp_path, {**WORLD, name: text}))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("checkout/pay.py", "from checkie import orders"),
        ("checkout/pay.py", "from checkie.orders import OrderId, cancel, events, port"),
        ("checkout/pay.py", "from checkie.orders.events import OrderCompleted"),
        ("checkout/pay.py", "import checkie.orders"),
        ("checkout/pay.py", "from checkie.kernel.ids import OrderId"),
        ("checkout/pay.py", "from checkie.kernel import ids"),
        ("orders/pay.py", "from checkie.orders import sql"),
        ("app/asgi.py", "from checkie.orders import routes"),
        ("app/asgi.py", "from checkie.orders.routes import router"),
        ("app/asgi.py", "from checkie.providers import stripe"),
        ("app/asgi.py", "from checkie.providers.stripe import Stripe"),
    ],
)
def test_the_front_door_is_open(tmp_path: Path, name: str, text: str) -> None:
    assert imports_past_doors(plant(tmp_path, {**WORLD, name: text})) == []


def door_faults(sources: list[Source], ratchet: dict[str, int]) -> list[str]:
    """Front doors that are too long, show too much or do not say what the module is for."""
    found = []
    for source in sources:
        if not source.name.endswith("/__init__.py"):
            continue
        if source.text.count("\n") > MAX_LINES:
            found.append(f"{source.name} has more than {MAX_LINES} lines")
        if not ast.get_docstring(source.tree):
            found.append(f"{source.name} does not say what the module is for")
        door = source.name.removesuffix("/__init__.py")
        names, limit = len(shown(source.tree)), ratchet.get(door, MAX_NAMES)
        if names > limit:
            found.append(f"{source.name} shows {names} names, more than {limit}")
        if names <= MAX_NAMES and door in ratchet:
            found.append(f"{source.name} needs no exception")
    return found


def shown(tree: ast.Module) -> list[object]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def test_front_doors_are_short_and_say_what_for() -> None:
    found = door_faults(read(), RATCHET)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        '"""Orders."""\n' + "import json\n" * 40,
        "import json\n",
        f'"""Orders."""\n__all__ = {[f"name_{number}" for number in range(16)]}',
    ],
    ids=["too-long", "no-docstring", "too-many-names"],
)
def test_a_faulty_front_door_is_found(tmp_path: Path, text: str) -> None:
    assert len(door_faults(plant(tmp_path, {"orders/__init__.py": text}), {})) == 1


@pytest.mark.parametrize(("names", "faults"), [(15, 1), (16, 0), (17, 0), (18, 1)])
def test_an_exception_that_is_exceeded_or_not_needed_is_found(tmp_path: Path, names: int, faults: int) -> None:
    text = f'"""Orders."""\n__all__ = {[f"name_{number}" for number in range(names)]}'
    planted = plant(tmp_path, {"orders/__init__.py": text})
    assert len(door_faults(planted, {"orders": 17})) == faults
