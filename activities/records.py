"""`record`: one idempotent transaction per wait point for journal, read side and notifications (D4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from temporalio import activity

from activities.batches import Batches, Seen, Told
from activities.failures import told_to_temporal
from activities.notifying import Desk
from activities.people import Roster
from activities.read_side import (
    REQUESTS,
    closed_row,
    crm_view,
    deal_row,
    request_id,
    request_row,
    signing_rows,
    write_back,
)
from connectors.database import Database
from models.calls import Batch
from models.deal import DealState
from models.flow import FlowDef
from models.journal import JournalEntry
from models.outcomes import Recorded, recorded
from models.people import BusinessTime, find_out
from models.progress import explain
from models.tables.deals import Deal
from models.tables.flows import FlowVersion


def _now() -> datetime:
    return datetime.now(UTC)


class _Kept(NamedTuple):
    """A definition, and the hash under which the database keeps it."""

    digest: str
    flow: FlowDef


class Recorder:
    """Writes what happened to deals, and answers what only the world knows: who is asked, and until when."""

    def __init__(
        self, database: Database, clock: BusinessTime, signing_key: bytes, now: Callable[[], datetime] = _now
    ) -> None:
        self._database, self._now = database, now
        self._clock = clock
        self._signing_key = signing_key
        self._flows: dict[str, _Kept] = {}
        self._people = Roster()
        self._batches = Batches(database.direct)

    @activity.defn(name="record")
    async def record(self, batch: Batch) -> Recorded:
        """Write one batch; the same batch twice writes the same."""
        with told_to_temporal():
            kept = await self._flow(batch)
            if any(need.fresh for need in batch.needs):
                self._people.forget()
            directory = self._people.recent()
            if directory is None:
                async with self._database.read() as session:
                    directory = await self._people.now(session)
            state = DealState.model_validate({**batch.state, "flow": kept.flow})
            answer = find_out(directory, self._clock, state, batch.needs, at=batch.at)
            seq = state.seq  # before `recorded`, whose own notes come with the next batch
            recorded(state, answer, batch.needs, batch.at)
            entries = [JournalEntry.model_validate(entry) for entry in batch.entries]
            desk = Desk(state, directory, batch.entries, max(batch.at, self._now()), self._signing_key)
            telling = _Telling(batch, state, seq, entries, kept.digest, desk)
            await self._batches.write(state.deal, entries, telling.told)
        return answer

    async def _flow(self, batch: Batch) -> _Kept:
        """Return the deal's definition, which travels only until the database has it."""
        if batch.flow_digest in self._flows:
            return self._flows[batch.flow_digest]
        if batch.flow is not None:
            values = {
                "digest": batch.flow_digest, "name": batch.flow.name, "version": batch.flow.version,
                "definition": batch.flow.model_dump(mode="json"), "source_path": batch.flow.file,
            }  # fmt: skip
            async with self._database.write() as session:
                await session.execute(insert(FlowVersion).values(values).on_conflict_do_nothing())
            self._flows[batch.flow_digest] = _Kept(batch.flow_digest, batch.flow)
            return self._flows[batch.flow_digest]
        async with self._database.read() as session:
            row = await session.get(FlowVersion, batch.flow_digest)
            if row is None:  # begun by an older model, under which the same definition had another hash
                its = select(FlowVersion).join(Deal, col(Deal.flow_digest) == col(FlowVersion.digest))
                row = (await session.execute(its.where(col(Deal.id) == batch.deal))).scalar_one()
        self._flows[batch.flow_digest] = _Kept(row.digest, FlowDef.model_validate(row.definition))
        return self._flows[batch.flow_digest]


class _Telling:
    """What one batch says, to be told from how the deal was before."""

    def __init__(
        self, batch: Batch, state: DealState, seq: int, entries: Sequence[JournalEntry], digest: str, desk: Desk
    ) -> None:
        self.batch, self.state, self.seq, self.entries, self.desk = batch, state, seq, entries, desk
        waits = explain(state)
        self.row = deal_row(state, waits, batch.at, digest) | {"seq": seq}
        self.asked = [wait for wait in waits if wait.kind in REQUESTS]

    def told(self, seen: Seen) -> Told:
        """Return what is to be written; of a batch that was overtaken by a later one, only its entries."""
        state, batch, told = self.state, self.batch, Told(self.batch.at, self.seq, self.entries)
        if seen.seq > self.seq:
            return told
        told.deal = self.row
        told.asked = {request_id(state, wait): request_row(state, wait) for wait in self.asked}
        told.closed = [closed_row(state, name, each) for name, each in seen.open.items() if name not in told.asked]
        told.owed = write_back(state, self.seq, seen.view, crm_view(self.row))
        if batch.needs or batch.entries:
            questions = {request: row["body"].get("question", "") for request, row in told.asked.items()}
            post = self.desk.post(self.asked, questions, seen.owed)
            told.owed, told.links = told.owed + post.rows, post.links
        if any(step.startswith("signature:") for step in state.records):
            told.signing = signing_rows(state, self.asked, self.desk.key)
        return told
