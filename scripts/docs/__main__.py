"""Generates docs/generated: `make docs`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from checkie.app import embedded
from checkie.db import Database
from checkie.db.migrate import migrate
from scripts.docs import pages, schema


def main() -> None:
    """Write every generated file, and delete those that are no longer generated."""
    written = {**pages.all_pages(), "schema.md": asyncio.run(_schema())}
    for name, text in written.items():
        path = pages.GENERATED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in pages.differences(pages.GENERATED, written):
        (pages.GENERATED / name).unlink()


async def _schema() -> str:
    with tempfile.TemporaryDirectory() as folder:
        server = embedded.start(Path(folder))
        try:
            await migrate(server.owner_url())
            async with Database(server.url()) as db:
                return await schema.page(db)
        finally:
            embedded.stop(server)


if __name__ == "__main__":
    main()
