"""Start and stop the server of a data folder."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from checkie.app.embedded import cluster as files
from checkie.app.embedded import privileges
from checkie.app.embedded.cluster import Postmaster
from checkie.app.embedded.programs import ENVIRONMENT, EmbeddedError, program

_POLL_S: Final = 0.02
_RETRY_S: Final = 0.1
_REMAINS_S: Final = 15.0  # how long the processes of a killed server may take to end
_OTHER_START_S: Final = 60.0
_RECOVERY_S: Final = 300.0  # replaying the log after a crash
_ABORT_S: Final = 10.0  # PostgreSQL itself kills its processes 5 s after SIGQUIT
_REMAINS: Final = ("pre-existing shared memory block", "lock file")
_SETTINGS: Final = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "autovacuum_naptime": "5s",  # so that a new database soon has statistics for its plans
    "jit": "off",  # our statements take less time than a compilation
    "max_parallel_workers_per_gather": "0",  # few cores; and a container's /dev/shm is small
    "random_page_cost": "1.1",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_min_duration_statement": "-1",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


@dataclass(frozen=True)
class Server:
    """A running server. `folder` holds the cluster (`pg`), its log (`pg.log`) and the lock of a start (`pg.lock`)."""

    folder: Path
    socket: Path
    pid: int
    started_here: bool

    def url(self, database: str = "checkie", role: str = "checkie_app") -> str:
        """The URL for asyncpg and libpq. `migrate` creates the database and the role."""
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self.socket))}&port={files.PORT}"

    def owner_url(self, database: str = "checkie") -> str:
        """The URL as superuser, for migrations."""
        return self.url(database, files.OWNER)


def start(folder: Path, *, settings: Mapping[str, str] | None = None) -> Server:
    """The server on `folder`, ready for connections: a running one, or a new one. `settings` override our defaults.

    A new server is a child of this process and in its process group. What a killed start, initdb or server left behind
    is removed or waited for: up to 15 s for its processes, up to 5 min for crash recovery. EmbeddedError otherwise.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    cluster = folder / "pg"
    privileges.check_owner(cluster)
    with _locked(folder) as lock:
        if not (cluster / "PG_VERSION").exists():
            files.create(cluster, lock)
        deadline = time.monotonic() + _REMAINS_S
        while time.monotonic() < deadline:
            server = _find_running(folder) or _launch(folder, settings or {})
            if server:
                return server
            time.sleep(_RETRY_S)
    raise EmbeddedError(f"another process still uses {cluster} after {_REMAINS_S:.0f} s: {_log_since(folder, 0)}")


def stop(server: Server, *, timeout_s: float = 10) -> None:
    """Shut the server down: running statements are cancelled, committed data is kept. No error if it has ended already.

    After `timeout_s` it is aborted, and the next start recovers from a crash. EmbeddedError if that fails, too.
    """
    for how, wait_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, _ABORT_S)):
        if is_alive(server):
            with suppress(ProcessLookupError):
                os.kill(server.pid, how)
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            if not is_alive(server):
                _remove_socket_folder(server)
                return
            time.sleep(_POLL_S)
    raise EmbeddedError(f"PostgreSQL (process {server.pid}) does not stop: {_log_since(server.folder, 0)}")


def is_alive(server: Server) -> bool:
    """Whether the server's main process still runs."""
    try:
        return os.waitpid(server.pid, os.WNOHANG)[0] != server.pid
    except ChildProcessError:  # another process started it, or it was waited for already
        found = Postmaster.read(server.folder / "pg")
        return found is not None and found.pid == server.pid and found.is_alive


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """One start at a time on this folder. Yields the lock's descriptor, for a child that must hold it as well."""
    deadline = time.monotonic() + _OTHER_START_S
    with (folder / "pg.lock").open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedError(f"another start on {folder} takes over {_OTHER_START_S:.0f} s") from None
            time.sleep(_POLL_S)
        yield file.fileno()


def _find_running(folder: Path) -> Server | None:
    """The server that runs already. Waits for one that is starting or stopping."""
    deadline = time.monotonic() + _REMAINS_S
    while (found := Postmaster.read(folder / "pg")) and found.is_alive and time.monotonic() < deadline:
        if found.accepts_connections:
            return Server(folder, found.socket, found.pid, started_here=False)
        time.sleep(_POLL_S)
    return None


def _launch(folder: Path, settings: Mapping[str, str]) -> Server | None:
    """A new server, ready; None if the remains of an earlier one do not permit it yet."""
    cluster = folder / "pg"
    socket = files.socket_folder(cluster)
    files.clear_stale_locks(cluster, socket)
    with (folder / "pg.log").open("ab") as log:
        log_start = log.tell()
        server = Server(folder, socket, _spawn(cluster, socket, settings, log.fileno()), started_here=True)
    if _becomes_ready(server):
        return server
    message = _log_since(folder, log_start)
    if any(remains in message for remains in _REMAINS):
        return None
    raise EmbeddedError(f"PostgreSQL does not start on {cluster}: {message}")


def _spawn(cluster: Path, socket: Path, settings: Mapping[str, str], log: int) -> int:
    quoted = str(socket).replace('"', '""')  # as an entry of a list setting
    fixed = {"listen_addresses": "", "port": str(files.PORT), "unix_socket_directories": f'"{quoted}"'}
    options = [part for name, value in {**_SETTINGS, **settings, **fixed}.items() for part in ("-c", f"{name}={value}")]
    command = [*privileges.as_owner(cluster, socket), program("postgres"), "-D", str(cluster), *options]
    no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    outputs = [(os.POSIX_SPAWN_DUP2, log, number) for number in (1, 2)]
    return os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=[no_input, *outputs])


def _becomes_ready(server: Server) -> bool:
    """Wait until it accepts connections. False if it ended. It is stopped if that fails or is interrupted."""
    deadline = time.monotonic() + _RECOVERY_S
    ready = False
    try:
        while not ready and is_alive(server) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            found = Postmaster.read(server.folder / "pg")
            ready = found is not None and found.pid == server.pid and found.is_ready
    finally:
        if not ready:
            stop(server, timeout_s=0)
    return ready


def _remove_socket_folder(server: Server) -> None:
    if server.socket != server.folder / "pg":
        with suppress(OSError):
            server.socket.rmdir()


def _log_since(folder: Path, start: int) -> str:
    """The log from the byte `start` on; only its end if that is long."""
    with (folder / "pg.log").open("a+b") as log:
        log.seek(max(start, log.tell() - 4096))
        return log.read().decode(errors="replace").strip()
