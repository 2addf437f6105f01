"""Migrations against a real PostgreSQL, on small folders of files."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkie.app.embedded import Server
from checkie.db.migrate import MigrationError, migrate, pending

FIRST = {"0001_shelf.sql": "create table shelf (id int primary key); insert into shelf values (1);"}
SECOND = {"0002_book.sql": "create table book (shelf int references shelf);"}
_numbers = itertools.count(1)


@pytest.fixture
def owner_url(postgres: Server, run: str) -> str:
    """Of a database that does not exist yet."""
    return postgres.owner_url(f"{run}_{next(_numbers)}")


@pytest.fixture
def app_url(owner_url: str) -> str:
    return owner_url.replace("checkie_owner@", "checkie_app@")


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, sql in files.items():
        (folder / name).write_text(sql)
    return folder


async def ask(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


class TestMigrate:
    async def test_creates_the_database_and_applies_the_files_in_order(self, owner_url: str, tmp_path: Path) -> None:
        assert await migrate(owner_url, write(tmp_path, FIRST | SECOND)) == ["0001_shelf", "0002_book"]
        applied = await ask(owner_url, "select array_agg(name order by number) from db.migration")
        assert applied == ["0001_shelf", "0002_book"]

    async def test_applies_each_file_once(self, owner_url: str, tmp_path: Path) -> None:
        await migrate(owner_url, write(tmp_path, FIRST))
        assert await migrate(owner_url, write(tmp_path, SECOND)) == ["0002_book"]
        assert await migrate(owner_url, tmp_path) == []
        assert await ask(owner_url, "select count(*) from shelf") == 1

    async def test_does_nothing_where_there_are_no_files(self, owner_url: str, tmp_path: Path) -> None:
        assert await migrate(owner_url, tmp_path / "missing") == []

    async def test_creates_no_database_when_that_is_not_allowed(self, owner_url: str, tmp_path: Path) -> None:
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await migrate(owner_url, write(tmp_path, FIRST), create=False)

    async def test_applies_an_older_file_that_was_merged_later(self, owner_url: str, tmp_path: Path) -> None:
        """Two that were written side by side may be merged in either order."""
        later = {"202611211200_later.sql": "create table later (id int);"}
        await migrate(owner_url, write(tmp_path, FIRST | later))
        earlier = {"202611211130_earlier.sql": "create table earlier (id int);"}
        assert await migrate(owner_url, write(tmp_path, earlier)) == ["202611211130_earlier"]
        assert await migrate(owner_url, tmp_path) == []

    async def test_several_at_once_apply_each_file_once(self, owner_url: str, tmp_path: Path) -> None:
        slow = {"0001_shelf.sql": FIRST["0001_shelf.sql"] + "select pg_sleep(0.05);"}
        folder = write(tmp_path, slow | SECOND)
        answers = await asyncio.gather(*[migrate(owner_url, folder) for _ in range(4)])
        assert sorted(itertools.chain.from_iterable(answers)) == ["0001_shelf", "0002_book"]
        assert await ask(owner_url, "select count(*) from db.migration") == 2

    async def test_a_failing_file_leaves_nothing_of_itself(self, owner_url: str, tmp_path: Path) -> None:
        bad = {"0002_book.sql": "create table book (id int); insert into nowhere values (1);"}
        with pytest.raises(MigrationError, match='0002_book: relation "nowhere" does not exist'):
            await migrate(owner_url, write(tmp_path, FIRST | bad))
        assert await ask(owner_url, "select to_regclass('book') is null and to_regclass('shelf') is not null")
        assert await migrate(owner_url, write(tmp_path, SECOND)) == ["0002_book"]

    async def test_the_application_logs_in_and_owns_nothing(self, owner_url: str, app_url: str, tmp_path: Path) -> None:
        await migrate(owner_url, write(tmp_path, FIRST))
        assert await ask(app_url, "select count(*) from db.migration") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(app_url, "delete from db.migration")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(app_url, "create table mine (id int)")

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            (FIRST | {"0001_zebra.sql": ""}, r"0001_\w+\.sql and 0001_\w+\.sql have the same number"),
            (FIRST | {"2_book.sql": ""}, r"2_book\.sql is misnamed"),
            (FIRST | {"20261121_book.sql": ""}, r"20261121_book\.sql is misnamed"),
        ],
        ids=["duplicate", "misnamed", "no time"],
    )
    async def test_refuses_files_that_have_no_order(
        self, owner_url: str, tmp_path: Path, files: dict[str, str], message: str
    ) -> None:
        with pytest.raises(MigrationError, match=message):
            await migrate(owner_url, write(tmp_path, files))

    @pytest.mark.parametrize("change", ["edit", "rename", "remove"])
    async def test_refuses_when_what_was_applied_is_no_longer_here(
        self, owner_url: str, tmp_path: Path, change: str
    ) -> None:
        await migrate(owner_url, write(tmp_path, FIRST | SECOND))
        book = tmp_path / "0002_book.sql"
        if change == "edit":
            book.write_text("create table book (id int);")
        elif change == "rename":
            book.rename(tmp_path / "0002_tome.sql")
        else:
            book.unlink()
        with pytest.raises(MigrationError, match="0002_book: applied before, but changed"):
            await migrate(owner_url, tmp_path)


class TestPending:
    async def test_names_what_is_not_applied(self, owner_url: str, app_url: str, tmp_path: Path) -> None:
        await migrate(owner_url, write(tmp_path, FIRST))
        assert await pending(app_url, write(tmp_path, SECOND)) == ["0002_book"]
        await migrate(owner_url, tmp_path)
        assert await pending(app_url, tmp_path) == []

    async def test_names_all_on_an_empty_database(self, postgres: Server, tmp_path: Path) -> None:
        folder = write(tmp_path, FIRST | SECOND)
        assert await pending(postgres.owner_url("postgres"), folder) == ["0001_shelf", "0002_book"]


class TestTheProduct:
    async def test_its_own_migrations_are_all_applied(self, database_url: str) -> None:
        assert await pending(database_url) == []
