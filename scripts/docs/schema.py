"""schema.md: the tables of a migrated database, read from PostgreSQL's catalog."""

from __future__ import annotations

import asyncpg

from checkie.db import Database

RELATIONS = """
select c.oid, n.nspname as schema, c.relname as name, c.relkind = 'v' as is_view,
       array(select p from unnest(array['select', 'insert', 'update', 'delete']) p
             where has_table_privilege('checkie_app', c.oid, p)) as granted
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v') and not c.relispartition
  and n.nspname not in ('information_schema', 'pg_catalog') and n.nspname !~ '^pg_toast'
order by n.nspname, c.relname
"""
COLUMNS = """
select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as is_required,
       pg_get_expr(d.adbin, d.adrelid) as preset
from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
RULES = """
select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
where conrelid = $1::oid and contype <> 'n'
union all
select c.relname, pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = $1::oid and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
order by 1
"""


HEAD = """# Schema

Each module has a schema of its own. The application connects as the role `checkie_app`, which owns nothing.
"""


async def page(db: Database) -> str:
    """All tables and views with columns, constraints, indexes and the privileges of the application."""
    parts = [HEAD]
    for relation in await db.fetch(RELATIONS):
        columns = await db.fetch(COLUMNS, relation["oid"])
        rules = await db.fetch(RULES, relation["oid"])
        parts.append(f"\n## {relation['schema']}.{relation['name']}{' (view)' if relation['is_view'] else ''}\n\n")
        parts.append(f"Privileges of checkie_app: {', '.join(relation['granted']) or 'none'}.\n\n")
        parts.append("| column | type | |\n| --- | --- | --- |\n")
        parts += [f"| {column['name']} | {column['type']} | {_rule(column)} |\n" for column in columns]
        if rules:
            parts.append("\n")
            parts += [f"* `{rule['name']}`: `{rule['definition']}`\n" for rule in rules]
    return "".join(parts)


def _rule(column: asyncpg.Record) -> str:
    needed = "required" if column["is_required"] else "nullable"
    return f"{needed}, default `{column['preset']}`" if column["preset"] else needed
