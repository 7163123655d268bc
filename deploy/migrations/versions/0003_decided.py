"""Find what somebody answered, also where their answer was not the last one needed."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index journal_decided on journal (who, at desc) where kind = 'decided'")


def downgrade() -> None:
    op.execute("drop index journal_decided")
