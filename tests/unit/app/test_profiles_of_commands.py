"""Every database of a command is opened with a connection profile of the settings."""

from __future__ import annotations

import ast

from tests.arch.tree import read


def test_no_command_opens_a_database_without_a_profile() -> None:
    """The plan mode is a setting, because a distributed PostgreSQL cannot force generic plans."""
    opened = [
        f"{source.name}:{node.lineno}"
        for source in read()
        if source.name.startswith("app/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Database"
    ]
    assert opened == []
