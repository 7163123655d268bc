"""Rendered documents and the links under which customers sign them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Index
from sqlmodel import SQLModel

from models.tables.columns import closed_set, moment, text, tree, whole

SigningState = Literal["open", "used", "void"]


class Document(SQLModel, table=True):
    """One version of a document of a deal; its bytes are in `content`."""

    __tablename__ = "document"
    __table_args__ = (Index("document_of_deal", "deal_id", "name", "version"),)

    id: str = text(primary_key=True)
    deal_id: str = text()
    name: str = text()
    version: int = whole()
    sha256_pdf: str = text()
    sha256_html: str = text(default="")
    template: str = text()
    template_hash: str = text()
    at: datetime = moment()


class Signing(SQLModel, table=True):
    """One signer's link. Only the hash of its token is kept."""

    __tablename__ = "signing"
    __table_args__ = (closed_set("state", SigningState), Index("signing_of_deal", "deal_id", "step", "round"))

    token_hash: str = text(primary_key=True)
    deal_id: str = text()
    step: str = text()
    round: int = whole()
    document_sha256: str = text()
    signer_name: str = text()
    signer_email: str = text()
    state: SigningState = text(default="open")
    opened_at: datetime = moment()
    expires_at: datetime | None = moment(default=None)
    signed_at: datetime | None = moment(default=None)
    evidence: dict[str, Any] = tree(default_factory=dict)
