"""Static files of all modules."""

from __future__ import annotations

import gzip
import hashlib

from checkie.ui import asset_path, permanent_path
from checkie.ui.assets import STYLESHEET, assets


def test_the_files_of_every_module_are_found() -> None:
    assert {STYLESHEET, "icon.svg", "parts.css", "storefront.css", "checkout.js", "picture.svg"} <= set(assets())


def test_a_path_holds_the_hash_of_the_content() -> None:
    asset = assets()["checkout.js"]
    assert asset_path("checkout.js") == f"/static/{hashlib.sha256(asset.body).hexdigest()[:12]}/checkout.js"


def test_a_compressed_file_has_the_same_content() -> None:
    for asset in assets().values():
        assert gzip.decompress(asset.gzipped) == asset.body


def test_a_pages_stylesheet_has_the_common_one_in_front() -> None:
    common = assets()[STYLESHEET].body
    for name, asset in assets().items():
        if name.endswith(".css"):
            assert asset.body.startswith(common), name
            assert asset.body.count(b"@layer tokens {") == 1, name


def test_a_static_address_becomes_permanent_and_others_stay() -> None:
    assert permanent_path("/static/picture.svg") == asset_path("picture.svg")
    for other in ("https://a.example/static/picture.svg", "/static/nothing.svg", "picture.svg"):
        assert permanent_path(other) == other
