"""The kinds of column our tables are made of, so that every table says what it holds and none says how."""

from __future__ import annotations

import json
from typing import Any, get_args

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, DateTime, Integer, LargeBinary, Numeric, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import base as postgresql
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's xid8, which SQLAlchemy does not know."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "XID8"


# Without this, comparing the tables with a database warns that it met an unknown type.
postgresql.ischema_names["xid8"] = TransactionId


def text(**more: Any) -> Any:
    return _column(Text, **more)


def texts(**more: Any) -> Any:
    return Field(default_factory=list, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": "{}"}, **more)


def whole(**more: Any) -> Any:
    return _column(Integer, **more)


def counter(**more: Any) -> Any:
    return _column(BigInteger, **more)


def flag(**more: Any) -> Any:
    return _column(Boolean, **more)


def number(**more: Any) -> Any:
    return _column(Numeric, **more)


def moment(**more: Any) -> Any:
    return _column(DateTime(timezone=True), **more)


def recorded() -> Any:
    """Return a moment that the database fills in by its own clock."""
    return _column(DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()})


def day(**more: Any) -> Any:
    return _column(Date, **more)


def tree(**more: Any) -> Any:
    # None is stored as SQL NULL, not as JSON null: "no value" has one spelling.
    kind = JSONB(none_as_null=True)
    empty = more.get("default_factory")
    return Field(sa_type=kind, sa_column_kwargs={"server_default": json.dumps(empty())} if empty else {}, **more)


def blob(**more: Any) -> Any:
    return _column(LargeBinary, **more)


def closed_set(column: str, words: Any) -> CheckConstraint:
    """Refuse, in the database too, a word that the Literal does not list."""
    listed = ", ".join(f"'{word}'" for word in get_args(words))
    return CheckConstraint(f"{column} in ({listed})", name=f"{column}_is_known")


def _column(kind: Any, sa_column_kwargs: Any = None, **more: Any) -> Any:
    # A default is the database's too, so that an insert written in SQL and one written in Python agree.
    default = more.get("default")
    if default is not None:
        sa_column_kwargs = {"server_default": str(default).lower() if isinstance(default, bool) else str(default)}
    return Field(sa_type=kind, sa_column_kwargs=sa_column_kwargs or {}, **more)
