"""`record`: one idempotent transaction per wait point for journal, read side and notifications (D4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import Any, NamedTuple

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col
from temporalio import activity

from activities import journal
from activities.failures import told_to_temporal
from activities.notifying import notify, request_id, signing_token
from activities.people import Roster
from connectors.database import Database, WriteSession
from models.calls import Batch
from models.deal import DealState, Entry, Record
from models.flow import FlowDef
from models.journal import JournalEntry
from models.money import Money, Percent
from models.outcomes import Recorded, recorded
from models.path import path
from models.people import BusinessTime, Directory, find_out
from models.progress import Wait, explain, stage_now
from models.prompt import prompt
from models.tables.deals import Deal
from models.tables.documents import Signing
from models.tables.flows import FlowVersion
from models.tables.outbound import Outbound
from models.tables.people import Person
from models.tables.requests import Request
from models.values import Digest

REQUESTS = ("approval", "task", "handoff", "signature", "wait", "revise", "question", "incident")


class _Kept(NamedTuple):
    """A definition, and the hash under which the database keeps it."""

    digest: str
    flow: FlowDef


class Recorder:
    """Writes what happened to deals, and answers what only the world knows: who is asked, and until when."""

    def __init__(self, database: Database, clock: BusinessTime, signing_key: bytes) -> None:
        self._database = database
        self._clock = clock
        self._signing_key = signing_key
        self._flows: dict[str, _Kept] = {}
        self._people = Roster()

    @activity.defn(name="record")
    async def record(self, batch: Batch) -> Recorded:
        """Write one batch; the same batch twice writes the same."""
        with told_to_temporal():
            async with self._database.write() as session:
                kept = await self._flow(session, batch)
                state = DealState.model_validate({**batch.state, "flow": kept.flow})
                directory = await self._people.now(session)
                answer = find_out(directory, self._clock, state, batch.needs)
                recorded(state, answer, batch.needs, batch.at)
                await self._write(session, state, batch, kept.digest, directory)
        return answer

    async def _write(
        self, session: WriteSession, state: DealState, batch: Batch, digest: str, directory: Directory[Person]
    ) -> None:
        position = await journal.append(session, state.deal, [_journalled(entry) for entry in batch.entries])
        assert position >= 0, "the journal only grows"
        waits = explain(state)
        before = (await session.execute(select(Deal).where(col(Deal.id) == state.deal))).scalar_one_or_none()
        if before is not None and before.seq > state.seq:
            return  # a later batch is already there (a retry that overtook nobody writes nothing)
        row = _deal_row(state, waits, batch.at, digest)
        old = {} if before is None else _crm_view(before)
        await _put_deal(session, row)
        asked = [wait for wait in waits if wait.kind in REQUESTS]
        await _put_requests(session, state, asked, batch.at)
        if any(step.startswith("signature:") for step in state.records):
            await self._put_signing(session, state, asked)
        if batch.needs or batch.entries:
            await notify(session, state, asked, directory, batch.entries)
        await _write_back(session, state, old, _crm_view(row))

    async def _flow(self, session: WriteSession, batch: Batch) -> _Kept:
        """Return the deal's definition, which travels only until the database has it."""
        if batch.flow is not None:
            self._flows[batch.flow_digest] = _Kept(batch.flow_digest, batch.flow)
            values = {
                "digest": batch.flow_digest, "name": batch.flow.name, "version": batch.flow.version,
                "definition": batch.flow.model_dump(mode="json"), "source_path": batch.flow.file,
            }  # fmt: skip
            await session.execute(insert(FlowVersion).values(values).on_conflict_do_nothing())
        if batch.flow_digest not in self._flows:
            row = await session.get(FlowVersion, batch.flow_digest)
            if row is None:  # begun by an older model, under which the same definition had another hash
                its = select(FlowVersion).join(Deal, col(Deal.flow_digest) == col(FlowVersion.digest))
                row = (await session.execute(its.where(col(Deal.id) == batch.deal))).scalar_one()
            self._flows[batch.flow_digest] = _Kept(row.digest, FlowDef.model_validate(row.definition))
        return self._flows[batch.flow_digest]

    async def _put_signing(self, session: WriteSession, state: DealState, asked: Sequence[Wait]) -> None:
        """Give every open signature request its link, and close the links of others."""
        wanted: list[str] = []
        for wait in asked:
            record = state.record(wait.step or "")
            document = next((v for v in record.read.values() if isinstance(v, Digest)), None)
            if wait.kind != "signature" or document is None:
                continue
            for address in wait.waiting_on:
                request = request_id(state, wait)
                hashed = hashlib.sha256(signing_token(self._signing_key, request, address).encode()).hexdigest()
                wanted.append(hashed)
                name = parseaddr(str(state.facts.get("signatory", "")))[0] or address
                row: dict[str, Any] = {
                    "token_hash": hashed, "deal_id": state.deal, "step": wait.step, "round": wait.round,
                    "document_sha256": document.sha256, "signer_name": name, "signer_email": address, "state": "open",
                    "opened_at": wait.since, "expires_at": wait.due, "evidence": {},
                }  # fmt: skip
                await session.execute(insert(Signing).values(row).on_conflict_do_nothing())
        others = (
            (col(Signing.deal_id) == state.deal) & (col(Signing.state) == "open") & ~col(Signing.token_hash).in_(wanted)
        )
        await session.execute(update(Signing).where(others).values(state="void"))


def _journalled(entry: Entry) -> JournalEntry:
    return JournalEntry.model_validate(entry.model_dump())


def _deal_row(state: DealState, waits: Sequence[Wait], now: datetime, digest: str) -> Deal:
    _, source, source_id = state.deal.split("/", 2)
    facts, amount = state.facts, state.facts.get("amount")
    people = dict.fromkeys(p for wait in waits for p in wait.waiting_on if wait.kind != "running")
    status = "hold" if state.hold is not None else "running"
    if state.ended and state.ending is not None:
        status = state.ending.outcome
    return Deal(
        id=state.deal, source=source, source_id=source_id.partition("~")[0], life=state.life,
        title=str(facts.get("title", state.deal)), account=str(facts.get("account", "")),
        owner=str(facts.get("owner", "")), flow=state.flow.name, flow_version=state.flow.version,
        flow_digest=digest, stage=stage_now(state), status=status,  # type: ignore[arg-type]
        amount=amount.amount if isinstance(amount, Money) else None,
        currency=amount.currency if isinstance(amount, Money) else "USD",
        discount=_percent(facts.get("discount")), margin=_percent(facts.get("margin")), waiting_on=list(people),
        waits=[wait.model_dump(mode="json") for wait in waits],
        path=[item.model_dump(mode="json") for item in path(state)],
        facts={name: value.model_dump(mode="json") for name, value in facts.items()}, crm_url=state.url, seq=state.seq,
        opened_at=state.opened_at, changed_at=now, stage_since=now, ended_at=now if state.ended else None,
        incidents=sum(wait.kind == "incident" for wait in waits),
    )  # fmt: skip


def _percent(value: Any) -> Any:
    return value.value if isinstance(value, Percent) else None


def _values(row: SQLModel, *, without: Iterable[str] = ()) -> dict[str, Any]:
    return {name: value for name, value in row.model_dump().items() if name not in without}


async def _put_deal(session: WriteSession, row: Deal) -> None:
    """Replace the deal's row while its sequence grows; `delivery` belongs to the onboarding."""
    written = insert(Deal).values(_values(row, without=["delivery"]))
    kept = ["id", "delivery", "opened_at", "stage_since"]
    changes: dict[str, Any] = {name: written.excluded[name] for name in _values(row, without=kept)}
    same_stage = col(Deal.stage) == written.excluded.stage
    changes["stage_since"] = case((same_stage, col(Deal.stage_since)), else_=written.excluded.stage_since)
    guarded = written.on_conflict_do_update(
        index_elements=["id"], set_=changes, where=written.excluded.seq >= col(Deal.seq)
    )
    await session.execute(guarded)


async def _put_requests(session: WriteSession, state: DealState, asked: Sequence[Wait], now: datetime) -> None:
    open_ids = [request_id(state, wait) for wait in asked]
    for wait in asked:
        row = _request_row(state, wait)
        written = insert(Request).values(_values(row))
        changes = {name: written.excluded[name] for name in _values(row, without=["id"])}
        await session.execute(written.on_conflict_do_update(index_elements=["id"], set_=changes))
    gone = select(Request).where(
        col(Request.deal_id) == state.deal, col(Request.state) == "open", ~col(Request.id).in_(open_ids)
    )
    for row in (await session.execute(gone)).scalars():
        row.state, row.closed_at, row.seq = "closed", now, state.seq
        row.outcome, row.answered_by = _outcome(state, row)


def _request_row(state: DealState, wait: Wait) -> Request:
    record = state.record(wait.step or "")
    return Request(
        id=request_id(state, wait), deal_id=state.deal, step=wait.step or "", round=wait.round, edition=wait.edition,
        kind=wait.kind, title=wait.title, reason=wait.reason, people=list(wait.waiting_on), who=wait.who, state="open",  # type: ignore[arg-type]
        opened_at=wait.since, due_at=wait.due, escalates_at=wait.next.at if wait.next else None,
        escalates_to=wait.next.what if wait.next else None, body=prompt(state, wait), seq=state.seq,
        stopped=record.clock is not None and record.clock.stopped_at is not None,
    )  # fmt: skip


def _outcome(state: DealState, row: Request) -> tuple[str, str | None]:
    """Return what became of a request that is no longer open, and who answered it."""
    if row.kind in ("question", "incident", "revise"):
        return "settled", None
    record: Record = state.record(row.step)
    given = [d for d in record.decisions if d.round == row.round]
    answered_by = given[-1].person if given else None
    if record.round != row.round:
        word = {"yes": "approved", "no": "rejected"}
        return (word[given[-1].verdict] if given else record.reason or "closed"), answered_by
    return record.outcome or record.reason or record.state.value, answered_by


def _crm_view(row: Deal) -> dict[str, str]:
    found = {"throughline_stage": row.stage, "throughline_status": row.status}
    if row.amount is not None:
        found["amount"] = str(row.amount)
    return found


async def _write_back(session: WriteSession, state: DealState, old: dict[str, str], new: dict[str, str]) -> None:
    """Owe the CRM the values that changed (one row per change, delivered in order)."""
    _, source, source_id = state.deal.split("/", 2)
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    if source != "hubspot" or not changed:
        return
    row = {
        "id": f"{state.deal}|crm|{state.seq}", "kind": "crm", "deal_id": state.deal, "person": None,
        "body": {"object_id": source_id.partition("~")[0], "properties": changed},
    }  # fmt: skip
    await session.execute(insert(Outbound).values(row).on_conflict_do_nothing())
