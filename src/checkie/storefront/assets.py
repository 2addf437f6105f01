"""Static files: read once, compressed once, served under addresses that hold a hash, so that browsers keep them."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Final

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file. `path` is where it is served for ever; `hash` stands in that path."""

    name: str
    hash: str
    media_type: str
    body: bytes = field(repr=False)
    packed: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """Its address below the origin."""
        return f"/static/{self.hash}/{self.name}"


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """Every static file by its name."""
    found = {}
    for file in sorted((files(__package__) / "static").iterdir(), key=lambda file: file.name):
        body = file.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:12]
        media_type = _TYPES[file.name.rpartition(".")[2]]
        found[file.name] = Asset(file.name, digest, media_type, body, gzip.compress(body, 9, mtime=0))
    return found


def asset_path(name: str) -> str:
    """Where the static file of that name is served."""
    return assets()[name].path


def lasting(url: str) -> str:
    """The address with the hash for `/static/{name}`; any other address as it is."""
    name = url.removeprefix("/static/")
    return asset_path(name) if name != url and name in assets() else url
