"""The action `render`: a document from a template that stays the deal's own, kept with every version made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import func, select, text
from sqlmodel import col
from temporalio import activity

from activities import content
from activities.calling import wrong
from activities.documents import Files, load_templates, render
from activities.failures import told_to_temporal
from activities.quoting import today
from connectors.database import Database, ReadSession, WriteSession
from models.calls import ActionCall
from models.document import DocumentError, MissingVariable, Template
from models.outcomes import Result
from models.rules import Rates
from models.tables.documents import Document
from models.values import Digest

_TEMPLATE = "application/vnd.throughline.template+json"
# Two renders of one document of one deal at the same moment would take the same version.
_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(hashtextextended(:what, 0))")
# Within the minute a worker gives one attempt.
_PATIENCE = 40.0


class Rendering:
    """Renders documents. `folders` are the `templates/documents` of company folders; files are read at first use."""

    def __init__(
        self,
        database: Database,
        folders: Iterable[Path] = (),
        *,
        rates: Rates | None = None,
        on: Callable[[], date] = today,
    ) -> None:
        self._database, self._folders, self._on = database, tuple(folders), on
        self._rates = {"USD": Decimal(1)} if rates is None else rates

    @activity.defn(name="render")
    async def render(self, call: ActionCall) -> Result:
        """Make the next version of a document. A repeated call returns the version it made."""
        with told_to_temporal():
            async with self._database.read() as session:
                made = await session.get(Document, call.key)
            if made is not None:
                return _result(made)
            try:
                return await self._make(call)
            except MissingVariable as missing:
                raise wrong(str(missing), "missing_variable") from missing
            except DocumentError as cannot:
                raise wrong(str(cannot)) from cannot

    async def _make(self, call: ActionCall) -> Result:
        template, pinned = await self._template(call)
        digests = [value.sha256 for value in call.inputs.values() if isinstance(value, Digest)]
        async with self._database.read() as session:
            contents = await content.find(session, digests)
        files = await asyncio.to_thread(
            render,
            template,
            call.inputs,
            dated=self._on(),
            contents=contents,
            rates=self._rates,
            seconds=_PATIENCE,
        )
        async with self._database.write() as session:
            return _result(await _keep(session, call, files, pinned))

    async def _template(self, call: ActionCall) -> tuple[Template, str]:
        """Return the template as pinned; at first use the current one, stored and thereby pinned."""
        if call.template_hash:
            async with self._database.read() as session:
                try:
                    stored = await content.get(session, call.template_hash)
                except content.NotStored as gone:
                    raise wrong(f"template {call.template} of this deal: {gone}") from gone
            return Template.model_validate_json(stored), call.template_hash
        found = (await asyncio.to_thread(load_templates, self._folders)).get(call.template)
        if found is None:
            raise wrong(f"there is no template {call.template!r}; add the folder templates/documents/{call.template}")
        async with self._database.write() as session:
            return found, await content.put(session, found.model_dump_json().encode(), _TEMPLATE, found.name)


async def latest(session: ReadSession, deal: str, name: str) -> Document | None:
    """Return the newest version of a deal's document."""
    versions = select(Document).where(col(Document.deal_id) == deal, col(Document.name) == name)
    found: Document | None = (await session.execute(versions.order_by(col(Document.version).desc()))).scalars().first()
    return found


async def _keep(session: WriteSession, call: ActionCall, files: Files, pinned: str) -> Document:
    await session.execute(_ONE_AT_A_TIME, {"what": f"{call.deal}|{call.document}"})
    made = await session.get(Document, call.key)
    if made is not None:
        return made
    of_this = (col(Document.deal_id) == call.deal, col(Document.name) == call.document)
    last = (await session.execute(select(func.max(col(Document.version))).where(*of_this))).scalar()
    version = (last or 0) + 1
    name = f"{call.document} v{version}"
    made = Document(
        id=call.key,
        deal_id=call.deal,
        name=call.document,
        version=version,
        sha256_pdf=await content.put(session, files.pdf, "application/pdf", f"{name}.pdf"),
        sha256_html=await content.put(session, files.html, "text/html", f"{name}.html"),
        template=call.template,
        template_hash=pinned,
        at=datetime.now(UTC),
    )
    session.add(made)
    return made


def _result(made: Document) -> Result:
    label = f"{made.name} v{made.version}"
    return Result(document=Digest(sha256=made.sha256_pdf, label=label), template=made.template_hash)
