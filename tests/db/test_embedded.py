"""The embedded PostgreSQL, started, killed and started again for real."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkie.app import embedded
from checkie.app.embedded import EmbeddedError, Server, start, stop

QUICK = {"fsync": "off"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder in one that other users may not enter. A server that runs on it is stopped at the end."""
    tmp_path.chmod(0o700)
    yield tmp_path / "data"
    if (tmp_path / "data" / "pg" / "postmaster.pid").exists():
        stop(start(tmp_path / "data", settings=QUICK))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that only read."""
    server = start(tmp_path_factory.mktemp("running"), settings=QUICK | {"max_connections": "17"})
    yield server
    stop(server)


async def fetch(server: Server, sql: str) -> Any:
    connection = await asyncpg.connect(server.owner_url("postgres"))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def pid_file(folder: Path) -> Path:
    return folder / "pg" / "postmaster.pid"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.002)


def start_elsewhere(folder: Path) -> subprocess.Popen[bytes]:
    """A process that starts a server on `folder` and then waits, in a group of its own."""
    program = "import sys; from pathlib import Path; from checkie.app import embedded\n"
    program += f"embedded.start(Path(sys.argv[1]), settings={QUICK}); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


class TestStart:
    async def test_listens_on_a_socket_and_not_on_tcp(self, running: Server) -> None:
        assert running.started_here
        assert await fetch(running, "select current_setting('listen_addresses')") == ""
        assert running.socket.stat().st_mode & 0o777 == 0o700

    async def test_creates_a_cluster_for_text_of_all_languages_with_checksums(self, running: Server) -> None:
        assert await fetch(running, "select current_setting('server_encoding')") == "UTF8"
        assert await fetch(running, "select lower('ÉCLAIR') || (case when 'Z' < 'a' then ', Z before a' end)") == (
            "éclair, Z before a"
        )
        assert await fetch(running, "select current_setting('data_checksums')") == "on"

    async def test_settings_of_the_caller_override_the_defaults(self, running: Server) -> None:
        assert await fetch(running, "select current_setting('max_connections')") == "17"
        assert await fetch(running, "select current_setting('shared_buffers')") == "128MB"

    def test_is_a_child_in_the_process_group_of_its_caller(self, running: Server) -> None:
        assert os.getpgid(running.pid) == os.getpgrp()

    def test_finds_a_running_server(self, running: Server) -> None:
        found = start(running.folder)
        assert (found.pid, found.url(), found.started_here) == (running.pid, running.url(), False)

    def test_several_at_once_start_one_server(self, folder: Path) -> None:
        with ThreadPoolExecutor(4) as threads:
            servers = list(threads.map(lambda _: start(folder, settings=QUICK), range(4)))
        assert len({server.pid for server in servers}) == 1
        assert sum(server.started_here for server in servers) == 1

    async def test_keeps_the_data_over_a_stop(self, folder: Path) -> None:
        server = start(folder, settings=QUICK)
        await fetch(server, "create table kept as select 7 as n")
        stop(server)
        assert await fetch(start(folder, settings=QUICK), "select n from kept") == 7

    @pytest.mark.parametrize("name", ["deep/" * 30, 'Käse, \'n "Brot"'], ids=["deep", "odd"])
    async def test_accepts_any_folder(self, folder: Path, name: str) -> None:
        server = start(folder / name, settings=QUICK)
        assert await fetch(server, "select 1") == 1
        assert server.socket.stat().st_mode & 0o777 == 0o700
        stop(server)
        assert server.socket.exists() == (server.socket == server.folder / "pg")

    def test_reports_the_message_of_postgresql_when_it_does_not_start(self, folder: Path) -> None:
        with pytest.raises(EmbeddedError, match='invalid value for parameter "work_mem"'):
            start(folder, settings={"work_mem": "plenty"})

    def test_refuses_a_folder_with_other_files(self, folder: Path) -> None:
        (folder / "pg").mkdir(parents=True)
        (folder / "pg" / "letter.txt").touch()
        with pytest.raises(EmbeddedError, match="is not a cluster"):
            start(folder, settings=QUICK)


class TestAfterAKill:
    async def test_of_a_busy_server_a_start_recovers(self, folder: Path) -> None:
        server = start(folder, settings=QUICK)
        await fetch(server, "create table kept as select 7 as n")
        busy = [asyncio.create_task(fetch(server, "select count(*) from generate_series(1, 3e6)")) for _ in range(3)]
        await asyncio.sleep(0.2)
        os.kill(server.pid, signal.SIGKILL)
        again = await asyncio.to_thread(start, folder, settings=QUICK)
        assert again.started_here
        assert await fetch(again, "select n from kept") == 7
        await asyncio.gather(*busy, return_exceptions=True)

    async def test_of_the_whole_group_a_start_recovers(self, folder: Path) -> None:
        starter = start_elsewhere(folder)
        until(lambda: pid_file(folder).exists() and "ready" in pid_file(folder).read_text())
        kill_group(starter)
        server = start(folder, settings=QUICK)
        assert server.started_here
        assert await fetch(server, "select 1") == 1

    @pytest.mark.parametrize("sign", ["base", "global/pg_control", "base/1/PG_VERSION"])
    async def test_while_the_cluster_is_created_a_start_creates_it_again(self, folder: Path, sign: str) -> None:
        starter = start_elsewhere(folder)
        until((folder / "pg.part" / sign).exists)
        kill_group(starter)
        assert not (folder / "pg").exists()
        assert await fetch(start(folder, settings=QUICK), "select 1") == 1
        assert not (folder / "pg.part").exists()

    def test_a_pid_that_belongs_to_another_process_is_not_a_server(self, folder: Path) -> None:
        server = start(folder, settings=QUICK)
        text = pid_file(folder).read_text()
        stop(server)
        owner = (folder / "pg").stat()
        sleeper = subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None)
        pid_file(folder).write_text(text.replace(str(server.pid), str(sleeper.pid), 1))
        os.chown(pid_file(folder), owner.st_uid, owner.st_gid)
        again = start(folder, settings=QUICK)
        assert again.started_here
        assert again.pid != sleeper.pid
        assert sleeper.poll() is None
        sleeper.kill()
        sleeper.wait()


class TestStop:
    def test_leaves_no_process_and_no_lock_file(self, folder: Path) -> None:
        server = start(folder, settings=QUICK)
        stop(server)
        assert not Path(f"/proc/{server.pid}").exists()
        assert not pid_file(folder).exists()

    def test_of_a_server_that_has_ended_is_no_error(self, folder: Path) -> None:
        server = start(folder, settings=QUICK)
        found = start(folder, settings=QUICK)
        os.kill(server.pid, signal.SIGINT)
        stop(server)
        stop(found)

    def test_stops_a_server_that_another_process_started(self, folder: Path) -> None:
        starter = start_elsewhere(folder)
        until(lambda: pid_file(folder).exists() and "ready" in pid_file(folder).read_text())
        server = start(folder, settings=QUICK)
        assert not server.started_here
        stop(server)
        assert not pid_file(folder).exists()
        starter.communicate()

    def test_aborts_a_server_that_takes_too_long(self, folder: Path) -> None:
        server = start(folder, settings=QUICK)
        stop(server, timeout_s=0)
        assert not Path(f"/proc/{server.pid}").exists()


class TestServer:
    def test_has_urls_for_the_application_and_for_the_owner(self, tmp_path: Path) -> None:
        server = Server(tmp_path, Path("/data/my store"), 1, started_here=True)
        assert server.url() == "postgresql://checkie_app@/checkie?host=/data/my%20store&port=5432"
        assert server.owner_url("other") == f"postgresql://{embedded.OWNER}@/other?host=/data/my%20store&port=5432"
