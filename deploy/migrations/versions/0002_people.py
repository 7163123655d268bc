"""Make room for absences, changes of people, links by mail, and how each person works and wants to be told."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    for part in _STATEMENTS.read_text(encoding="utf-8").split("\n\n"):
        if not part.startswith("--"):
            op.execute(part.strip().rstrip(";"))


def downgrade() -> None:
    for table in ("door_link", "people_change", "absence"):
        op.execute(f"drop table {table}")
    op.execute("alter table request drop column asks")
    op.execute("alter table person drop column calendar, drop column notify")
