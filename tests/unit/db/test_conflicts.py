"""What a refused write means, by the name of the constraint: as PostgreSQL reports it, and as Citus does."""

from __future__ import annotations

import asyncpg
import pytest

from checkie.db.conflicts import WriteConflict, translated, violated
from checkie.kernel import Conflict


class SlugTaken(Conflict):
    """Another page has this slug."""

    code = "slug_taken"


CONSTRAINTS = {"seq_once_per_aggregate": SlugTaken}
# As Citus 13.2 reports them, through asyncpg: the field `constraint_name` is empty.
CITUS = [
    pytest.param(
        asyncpg.UniqueViolationError('duplicate key value violates unique constraint "inbox_pkey_102169"'),
        "inbox_pkey",
        id="unique",
    ),
    pytest.param(
        asyncpg.CheckViolationError(
            'new row for relation "event_102153" violates check constraint "seq_starts_at_one"'
        ),
        "seq_starts_at_one",
        id="check",
    ),
    pytest.param(
        asyncpg.NotNullViolationError(
            'null value in column "version" of relation "balance_102072" violates not-null constraint'
        ),
        None,
        id="not-null",
    ),
    pytest.param(
        asyncpg.InternalServerError('duplicate key value violates unique constraint "seq_once_per_aggregate_102173"'),
        "seq_once_per_aggregate",
        id="wrapped",
    ),
    pytest.param(asyncpg.SerializationError("write conflict: a row was changed since it was read"), None, id="other"),
]


@pytest.mark.parametrize(("error", "name"), CITUS)
def test_a_violation_is_recognised_by_its_constraint(error: asyncpg.PostgresError, name: str | None) -> None:
    assert violated(error) == name


def test_a_name_that_ends_in_a_number_is_kept_where_the_server_reports_it() -> None:
    error = asyncpg.UniqueViolationError('duplicate key value violates unique constraint "page_of_2026"')
    error.constraint_name = "page_of_2026"
    assert violated(error) == "page_of_2026"


@pytest.mark.parametrize("is_conditional", [True, False])
def test_a_constraint_with_a_refusal_is_refused(*, is_conditional: bool) -> None:
    error = asyncpg.InternalServerError('duplicate key value violates unique constraint "seq_once_per_aggregate_1"')
    found = translated(error, CONSTRAINTS, is_conditional=is_conditional)
    assert isinstance(found, SlugTaken)


@pytest.mark.parametrize(("is_conditional", "kind"), [(True, WriteConflict), (False, asyncpg.UniqueViolationError)])
def test_a_constraint_without_a_refusal_is_a_conflict_only_beside_a_condition(
    *, is_conditional: bool, kind: type[Exception]
) -> None:
    error = asyncpg.UniqueViolationError('duplicate key value violates unique constraint "inbox_pkey"')
    assert isinstance(translated(error, CONSTRAINTS, is_conditional=is_conditional), kind)


@pytest.mark.parametrize("error", [asyncpg.NotNullViolationError('null value in column "version"'), ValueError("no")])
def test_another_failure_stays_what_it_is(error: Exception) -> None:
    assert translated(error, CONSTRAINTS, is_conditional=True) is error
