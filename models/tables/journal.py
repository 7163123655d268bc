"""The journal: what happened to every deal, appended for ever and chained by hash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.tables.columns import TransactionId, counter, moment, tree, whole
from models.tables.columns import text as words  # the table has a column named text


class JournalRow(SQLModel, table=True):
    """One entry of one deal. The database refuses to change or remove it."""

    __tablename__ = "journal"
    __table_args__ = (
        UniqueConstraint("id", name="journal_id_key"),
        Index("journal_seq_key", "deal_id", "seq", unique=True, postgresql_where=sql("seq is not null")),
        # The live feed reads in this order and never in that of `id` alone: an id is taken before its transaction
        # ends, so a smaller id may appear after a larger one; a transaction below the oldest running one may not.
        Index("journal_feed", "txid", "id"),
        Index("journal_decided", "who", sql("at desc"), postgresql_where=sql("kind = 'decided'")),
    )

    deal_id: str = words(primary_key=True)
    position: int = counter(primary_key=True)
    seq: int | None = counter(default=None)
    at: datetime = moment()
    who: str = words()
    kind: str = words()
    step: str | None = words(default=None)
    round: int | None = whole(default=None)
    edition: int | None = whole(default=None)
    revision: int | None = whole(default=None)
    text: str = words()
    body: dict[str, Any] = tree(default_factory=dict)
    because: int | None = counter(default=None)
    prev_hash: str = words()
    hash: str = words()
    id: int | None = Field(default=None, sa_type=BigInteger, sa_column_args=(Identity(always=True),), nullable=False)
    txid: str | None = Field(
        default=None,
        sa_type=TransactionId,
        nullable=False,
        sa_column_kwargs={"server_default": sql("pg_current_xact_id()")},
    )


class JournalHead(SQLModel, table=True):
    """The end of a deal's chain; whoever appends locks this row first."""

    __tablename__ = "journal_head"

    deal_id: str = words(primary_key=True)
    position: int = counter(default=0)
    hash: str = words(default="")
