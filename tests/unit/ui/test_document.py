"""Documents that are compressed before their holes are filled."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkie.ui.document import HOLE, Document

PIECES = st.lists(st.text(), min_size=1, max_size=5)


@given(PIECES, st.data())
def test_the_gzip_stream_and_the_plain_text_are_the_same(pieces: list[str], data: st.DataObject) -> None:
    document = Document.of(HOLE.join(pieces))
    holes = len(pieces) - 1
    values = data.draw(st.lists(st.binary(max_size=200), min_size=holes, max_size=holes))
    expected = pieces[0].encode() + b"".join(v + p.encode() for v, p in zip(values, pieces[1:], strict=True))
    assert document.fill(values) == expected
    assert gzip.decompress(document.fill_gzip(values)) == expected


def test_a_value_is_not_compressed() -> None:
    document = Document.of(f"secret secret secret {HOLE}")
    assert len(document.fill_gzip([b"secret" * 9])) - len(document.fill_gzip([b"qzxjvk" * 9])) == 0


def test_every_hole_needs_a_value() -> None:
    document = Document.of(f"a{HOLE}b")
    for values in ([], [b"1", b"2"]):
        with pytest.raises(ValueError, match="zip"):
            document.fill(values)


def test_a_value_is_not_longer_than_a_block() -> None:
    with pytest.raises(ValueError, match="65,535"):
        Document.of(f"a{HOLE}b").fill_gzip([b"x" * 65_536])
