"""Nothing reaches past another module's front door, and a front door is short enough to be read first."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.tree import Source, plant, read

OPEN_TO_ALL = {"events", "port"}
OPEN_TO_APP = {"routes"}
"""The composition root also mounts each module's routes."""
LONGEST_LINES = 40
MOST_NAMES = 20


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


def trespasses(sources: list[Source]) -> list[str]:
    """Imports of what lies behind another module's front door."""
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
    return ".".join(parts[:depth]), ".".join(parts[depth:])


def test_no_module_reaches_past_anothers_front_door() -> None:
    found = trespasses(read())
    assert not found, "\n".join(found)


WORLD = {
    "orders/__init__.py": "from checkie.orders.cancel import cancel\n__all__ = ['cancel']",
    "orders/cancel.py": "def cancel(): ...",
    "orders/store.py": "",
    "orders/events.py": "",
    "orders/port.py": "",
    "orders/routes.py": "",
    "providers/__init__.py": "",
    "providers/stripe/__init__.py": "",
    "providers/stripe/cards.py": "",
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("checkout/pay.py", "from checkie.orders import store"),
        ("checkout/pay.py", "from checkie.orders.store import insert"),
        ("checkout/pay.py", "import checkie.orders.store"),
        ("checkout/pay.py", "def pay():\n    from checkie.orders import store"),
        ("checkout/pay.py", "from checkie.orders.cancel import cancel"),
        ("checkout/pay.py", "from checkie.orders import routes"),
        ("checkout/pay.py", "from checkie.orders import _secret"),
        ("app/asgi.py", "from checkie.orders import store"),
        ("app/asgi.py", "from checkie.providers.stripe import cards"),
        ("app/asgi.py", "from checkie.providers.stripe.cards import Stripe"),
    ],
)
def test_reaching_past_is_found(tmp_path: Path, name: str, text: str) -> None:
    assert len(trespasses(plant(tmp_path, {**WORLD, name: text}))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("checkout/pay.py", "from checkie import orders"),
        ("checkout/pay.py", "from checkie.orders import OrderId, cancel, events, port"),
        ("checkout/pay.py", "from checkie.orders.events import OrderCompleted"),
        ("checkout/pay.py", "import checkie.orders"),
        ("orders/pay.py", "from checkie.orders import store"),
        ("app/asgi.py", "from checkie.orders import routes"),
        ("app/asgi.py", "from checkie.orders.routes import router"),
        ("app/asgi.py", "from checkie.providers import stripe"),
        ("app/asgi.py", "from checkie.providers.stripe import Stripe"),
    ],
)
def test_the_front_door_is_open(tmp_path: Path, name: str, text: str) -> None:
    assert trespasses(plant(tmp_path, {**WORLD, name: text})) == []


def unwelcoming(sources: list[Source]) -> list[str]:
    """Front doors that are too long, show too much or do not say what the module is for."""
    found = []
    for source in sources:
        if not source.name.endswith("/__init__.py"):
            continue
        if source.text.count("\n") > LONGEST_LINES:
            found.append(f"{source.name} has more than {LONGEST_LINES} lines")
        if not ast.get_docstring(source.tree):
            found.append(f"{source.name} does not say what the module is for")
        if len(shown(source.tree)) > MOST_NAMES:
            found.append(f"{source.name} shows more than {MOST_NAMES} names")
    return found


def shown(tree: ast.Module) -> list[object]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def test_front_doors_are_short_and_say_what_for() -> None:
    found = unwelcoming(read())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        '"""Orders."""\n' + "import json\n" * 40,
        "import json\n",
        f'"""Orders."""\n__all__ = {[f"name_{number}" for number in range(21)]}',
    ],
    ids=["long", "silent", "showy"],
)
def test_an_unwelcoming_front_door_is_found(tmp_path: Path, text: str) -> None:
    assert len(unwelcoming(plant(tmp_path, {"orders/__init__.py": text}))) == 1
