"""The files of a cluster: how it is created, where its socket is, and what its lock files say."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checkie.app.embedded import privileges
from checkie.app.embedded.programs import ENVIRONMENT, EmbeddedError, program

OWNER: Final = "checkie_owner"
PORT: Final = 5432
"""Part of the socket's name: nothing listens on a TCP port."""
_MAX_SOCKET_BYTES: Final = 107  # of its path, unix(7)
_INITDB: Final = (
    "--username=" + OWNER,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C.UTF-8",  # Unicode for upper and lower case
    "--lc-collate=C",  # sort by bytes: fast, and the same everywhere
    "--lc-messages=C",
    "--data-checksums",
)


def create(cluster: Path, lock: int) -> None:
    """Create the cluster beside its place and rename it, so that `cluster` is never incomplete.

    initdb inherits the descriptor `lock`: if it outlives a killed start, the next start waits until it has ended.
    """
    if cluster.exists() and any(cluster.iterdir()):
        raise EmbeddedError(f"{cluster} is not empty and is not a cluster of PostgreSQL: choose another data folder")
    part = cluster.with_name("pg.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(mode=0o700)
    privileges.assign_owner(part)
    command = [*privileges.as_owner(part), program("initdb"), f"--pgdata={part}", *_INITDB]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=ENVIRONMENT,
        pass_fds=[lock],
        check=False,
    )
    if done.returncode:
        raise EmbeddedError(f"initdb failed for {cluster}: {done.stdout.decode(errors='replace')[-2000:]}")
    part.rename(cluster)


@dataclass(frozen=True)
class Postmaster:
    """The content of `postmaster.pid`, whose lines are those of PostgreSQL's `utils/pidfile.h`."""

    pid: int
    cluster: str
    socket: Path
    is_ready: bool

    @classmethod
    def read(cls, cluster: Path) -> Postmaster | None:
        """What the file says; None if there is none, or if it is just being written."""
        try:
            lines = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except FileNotFoundError:
            return None
        if len(lines) < 5:
            return None
        return cls(abs(int(lines[0])), lines[1], Path(lines[4]), [line.strip() for line in lines[7:]] == ["ready"])

    @property
    def is_alive(self) -> bool:
        """Whether that process is still the server: it may be a zombie, or the pid may belong to another process."""
        try:
            command = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return self.cluster.encode("utf-8", "surrogateescape") in command

    @property
    def is_stale(self) -> bool:
        """Whether the pid now belongs to another process, which PostgreSQL would mistake for a running server."""
        return not self.is_alive and Path(f"/proc/{self.pid}").exists()

    @property
    def accepts_connections(self) -> bool:
        """Whether the server is ready and answers."""
        target = ["-h", str(self.socket), "-p", str(PORT), "-U", OWNER, "-d", "postgres", "-t", "3"]
        command = [program("pg_isready"), "-q", *target]
        return self.is_ready and subprocess.run(command, env=ENVIRONMENT, check=False).returncode == 0


def socket_folder(cluster: Path) -> Path:
    """Where the socket is: in the cluster, or in a private temporary folder if the cluster's path does not allow it."""
    name = f"checkie-{hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]}"
    short = [Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 it is made private and checked
    chosen = next(folder for folder in (cluster, *short) if _can_hold_socket(folder))
    if chosen != cluster:
        _make_private(chosen, cluster.stat())
    return chosen


def _can_hold_socket(folder: Path) -> bool:
    """Short enough for the kernel, and without a comma, which separates hosts in a URL."""
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) < _MAX_SOCKET_BYTES and b"," not in path


def _make_private(folder: Path, owner: os.stat_result) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), owner.st_uid}:
        raise EmbeddedError(f"{folder} is needed for PostgreSQL's socket but belongs to another user: remove it")
    folder.chmod(0o700)
    os.chown(folder, owner.st_uid, owner.st_gid)


def clear_stale_locks(cluster: Path, socket: Path) -> None:
    """Remove lock files that name a process which is not PostgreSQL. Live backends are found by their shared memory."""
    found = Postmaster.read(cluster)
    if found:
        with suppress(ChildProcessError):
            os.waitpid(found.pid, os.WNOHANG)  # a killed child of ours keeps its pid until it is waited for
    if found and found.is_stale:
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        (socket / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
