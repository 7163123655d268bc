"""Make all tables of the first release, and let nobody rewrite the journal."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = Path(__file__).with_suffix(".sql")

_REFUSE = """
create function journal_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'The journal is append-only: % is refused. Correct a mistake by appending an entry.', tg_op
        using errcode = 'insufficient_privilege';
end
$$
"""

_GUARD = """
create trigger journal_keeps_everything before update or delete or truncate on journal
    for each statement execute function journal_is_append_only()
"""


def upgrade() -> None:
    for statement in _statements():
        op.execute(statement)
    op.execute(_REFUSE)
    op.execute(_GUARD)


def downgrade() -> None:
    for statement in reversed(_statements()):
        if statement.startswith("create table "):
            op.execute(f"drop table {statement.split()[2]}")
    op.execute("drop function journal_is_append_only()")


def _statements() -> list[str]:
    text = _TABLES.read_text(encoding="utf-8")
    parts = [part.strip().rstrip(";") for part in text.split("\n\n")]
    return [part for part in parts if part.startswith("create ")]
