"""Ids that hold the number of their row, so that a row is found without an index of its own."""

from __future__ import annotations


def format_id(prefix: str, number: int, random: str) -> str:
    """The id of row `number`: its prefix, the number in eight hexadecimal digits, and a random part."""
    return f"{prefix}_{number:08x}{random}"


def row_number(row_id: str) -> int:
    """The row number in an id; 0, which no row has, when the text is not such an id."""
    digits = row_id.partition("_")[2][:8]
    try:
        return int(digits, 16)
    except ValueError:
        return 0
