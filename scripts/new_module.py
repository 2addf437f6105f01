"""Writes the skeleton of a module: `make new-module NAME=coupons`.

A module that is planned has its place in the import contract of pyproject.toml, in parentheses, which are dropped. Any
other gets a place in the row of a neighbour: `ROW=promotions`. The files come from `scripts/skeleton`, where the module
is `gadgets`; `routes.py`, `follow.py` and `port.py` are added when the module needs them.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SKELETON: Final = ROOT / "scripts" / "skeleton"
IDS: Final = ROOT / "src" / "checkie" / "kernel" / "ids.py"
CONTRACT: Final = ROOT / "pyproject.toml"
NEW_ID: Final = '''

class GadgetId(Id):
    """A gadget."""

    __slots__ = ()
    prefix = "{prefix}"
'''
NEXT: Final = """Written: {files}
Next: say in {door} what the module is for, add its words to docs/glossary.md,
its constraints to model.py and the migration, and run `make docs check`."""


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files, the id type and the row; say what is left to do."""
    parser = argparse.ArgumentParser(prog="make new-module", description=__doc__)
    parser.add_argument("name", help="a plural noun of the domain, such as coupons")
    parser.add_argument("--row", default="", help="a module whose row it joins, if it has no row yet")
    parser.add_argument("--prefix", default="", help="of its ids; the first three letters of the name, if not given")
    given = parser.parse_args(argv)
    try:
        files = write(given.name, given.row, given.prefix or given.name[:3])
    except ValueError as error:
        sys.exit(f"make new-module: {error}")
    print(NEXT.format(files=" ".join(files), door=files[0]))


def write(name: str, row: str, prefix: str) -> list[str]:
    """The files that were written. ValueError when the name, the row or the prefix will not do; then nothing is."""
    if not re.fullmatch(r"[a-z]{3,30}", name):
        raise ValueError(f"{name!r} is not a noun in lower case")
    if (IDS.parents[1] / name).exists():
        raise ValueError(f"src/checkie/{name} exists")
    ids = IDS.read_text()
    if f'prefix = "{prefix}"' in ids:
        raise ValueError(f"ids with the prefix {prefix} exist; choose another with PREFIX=")
    contract = with_row(CONTRACT.read_text(), name, row)
    files = {renamed(path.relative_to(SKELETON).as_posix(), name): path for path in sorted(SKELETON.rglob("*.txt"))}
    for target, source in files.items():
        path = ROOT / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(renamed(source.read_text(), name))
    CONTRACT.write_text(contract)
    IDS.write_text(ids + renamed(NEW_ID.format(prefix=prefix), name))
    return sorted(files, key=lambda target: "__init__" not in target)


def renamed(text: str, name: str) -> str:
    """The skeleton's text or path, for the module `name`."""
    noun = f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
    words = {"gadgets": name, "Gadgets": name.capitalize(), "gadget": noun, "Gadget": noun.capitalize()}
    words |= {"GADGET": noun.upper(), "NUMBER_": time.strftime("%Y%m%d%H%M_", time.gmtime()), ".txt": ""}
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)


def with_row(config: str, name: str, row: str) -> str:
    """The contract with the module in it: its parentheses dropped, or next to `row`."""
    start = config.index("\nlayers = [")
    end = config.index("\n]", start)
    layers = config[start:end]
    if f"({name})" in layers:
        layers = layers.replace(f"({name})", name)
    elif not row:
        raise ValueError(
            f"{name} is in no row; choose a neighbour with ROW={'|'.join(re.findall(r'[a-z]+', layers)[1:])}"
        )
    else:
        layers, count = re.subn(rf'"(.*(?<![a-z]){re.escape(row)}(?![a-z]).*)"', rf'"\1 | {name}"', layers)
        if not count:
            raise ValueError(f"{row} is in no row")
    return config[:start] + layers + config[end:]


if __name__ == "__main__":
    main()
