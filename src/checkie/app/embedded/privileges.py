"""Run PostgreSQL as the owner of its cluster, also when we are root.

If that user cannot pass the folders above the cluster (`/root` is 0700), the server keeps one capability:
CAP_DAC_READ_SEARCH or, where a container does not grant that one, CAP_DAC_OVERRIDE.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from checkie.app.embedded.programs import ENVIRONMENT, EmbeddedError, program


def check_owner(cluster: Path) -> None:
    """Refuse a cluster of another user, unless we are root."""
    user = os.geteuid()
    if user != 0 and cluster.exists() and cluster.stat().st_uid != user:
        raise EmbeddedError(f"{cluster} belongs to another user: run as that user or root, or choose another folder")


def assign_owner(folder: Path) -> None:
    """Choose the owner of a new cluster: ourselves, or `nobody` if we are root."""
    if os.geteuid() != 0:
        return
    try:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    except (KeyError, OSError) as error:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and root cannot change the owner of {folder} to nobody ({error}):"
            " run checkie as a normal user, or give the container the default capabilities"
        ) from error


def as_owner(cluster: Path, *more: Path) -> Sequence[str]:
    """The prefix that runs a command as the owner of `cluster`, able to use `cluster`, `more` and our binaries."""
    if os.geteuid() != 0:
        return []
    owner = cluster.stat()
    if owner.st_uid == 0:
        raise EmbeddedError(f"PostgreSQL does not run as root, the owner of {cluster}. Run: chown -R nobody: {cluster}")
    drop = [_setpriv(), f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
    for capabilities in ("-all", "-all,+dac_read_search", "-all,+dac_override"):
        # access(2), by which PostgreSQL checks its binaries, ignores the capability without no_setuid_fixup
        bits = [] if capabilities == "-all" else ["--securebits=+no_setuid_fixup"]
        prefix = [*drop, *bits, f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", "--"]
        if _has_access(prefix, [cluster, *more]):
            return prefix
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and user {owner.st_uid} has no access to {cluster} or {program('postgres')}:"
        " choose folders for the data and for .venv that other users may enter, or run checkie as a normal user"
    )


def _setpriv() -> str:
    found = shutil.which("setpriv")
    if found is None:
        raise EmbeddedError("PostgreSQL does not run as root: install util-linux (setpriv), or run as a normal user")
    return found


def _has_access(prefix: Sequence[str], folders: Sequence[Path]) -> bool:
    script = 'test -x "$0" && for folder; do test -w "$folder" || exit 1; done'
    command = [*prefix, "/bin/sh", "-c", script, program("postgres"), *map(str, folders)]
    return subprocess.run(command, cwd="/", env=ENVIRONMENT, capture_output=True, check=False).returncode == 0
