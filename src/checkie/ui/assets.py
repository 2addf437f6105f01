"""Static files: read once, compressed once, served under addresses that hold a hash, so that browsers keep them."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from checkie.ui.folders import module_folders

STYLESHEET: Final = "checkie.css"
"""Tokens, base and parts. Every other stylesheet is served with it in front, so that a page needs one request."""
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file. `path` is its permanent address, which contains `hash`."""

    name: str
    hash: str
    media_type: str
    body: bytes = field(repr=False)
    gzipped: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, body: bytes) -> Asset:
        """The asset with this content."""
        digest = hashlib.sha256(body).hexdigest()[:12]
        return cls(name, digest, _TYPES[_extension(name)], body, gzip.compress(body, 9, mtime=0))

    @property
    def path(self) -> str:
        """Its address below the origin."""
        return f"/static/{self.hash}/{self.name}"


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """The static files of all modules by name."""
    bodies = _read_all()
    common = bodies[STYLESHEET]
    for name in bodies:
        if _extension(name) == "css" and name != STYLESHEET:
            bodies[name] = common + bodies[name]
    return {name: Asset.of(name, body) for name, body in bodies.items()}


def asset_path(name: str) -> str:
    """Where the static file of that name is served."""
    return assets()[name].path


def permanent_path(url: str) -> str:
    """The address with the hash for `/static/{name}`; any other address as it is."""
    name = url.removeprefix("/static/")
    return asset_path(name) if name != url and name in assets() else url


def _read_all() -> dict[str, bytes]:
    bodies: dict[str, bytes] = {}
    for folder in module_folders("static"):
        for file in folder.iterdir():
            if _extension(file.name) not in _TYPES:
                continue
            if file.name in bodies:
                raise ValueError(f"two modules have a static file {file.name}")
            bodies[file.name] = file.read_bytes()
    return bodies


def _extension(name: str) -> str:
    return name.rpartition(".")[2]
