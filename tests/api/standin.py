"""A small real workflow behind the doors: it answers acts as a deal would, and records them in the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.journal import append
    from connectors.database import Database
    from models import acts
    from models.deal import Receipt
    from models.journal import JournalEntry
    from models.tables.deals import Deal
    from models.tables.requests import Request


class Given(BaseModel):
    """What the stand-in starts with: the edition each step is at, and who may answer."""

    deal: str
    edition: int = 1
    asked: dict[str, list[str]] = {}


class Done(BaseModel):
    """One accepted act, to be recorded."""

    deal: str
    seq: int
    step: str
    who: str
    outcome: str
    closes: bool
    kind: str = "decided"
    body: dict[str, Any] = {}


@workflow.defn(name="DealLifecycle")
class StandIn:
    """Takes acts; refuses as the real one: repeated keys, closed requests, old editions, missing reasons."""

    @workflow.init
    def __init__(self, given: Given) -> None:
        self.given, self.seq, self.ended = given, 20, False
        self.receipts: dict[str, Receipt] = {}
        self.answered: dict[str, Receipt] = {}

    @workflow.run
    async def run(self, given: Given) -> None:
        await workflow.wait_condition(lambda: self.ended and workflow.all_handlers_finished())

    @workflow.update
    async def act(self, act: acts.Act) -> Receipt:
        self.seq += 1
        step = getattr(act, "step", "")
        outcome = getattr(act, "verdict", act.do)
        receipt = Receipt(
            outcome=outcome, message=f"{step or act.do}: {outcome}", seq=self.seq, by=act.by, at=workflow.now()
        )
        self.receipts[act.key] = receipt
        closes = act.do in {"decide", "complete", "retry", "resubmit", "skip", "sign", "decline"}
        if closes:
            self.answered[step] = receipt
        if act.do == "revise" and act.source != "person":
            return receipt
        done = Done(deal=self.given.deal, seq=self.seq, step=step, who=act.by, outcome=outcome, closes=closes)
        if isinstance(act, acts.Comment):
            files = [each.model_dump() for each in act.attachments]
            done = done.model_copy(update={"kind": "comment", "body": {"text": act.text, "attachments": files}})
        elif isinstance(act, acts.Decide):
            done = done.model_copy(update={"body": {"verdict": act.verdict, "channel": act.channel}})
        await workflow.execute_local_activity("note", done, start_to_close_timeout=timedelta(seconds=5))
        self.ended = self.ended or act.do == "cancel"
        return receipt

    @act.validator
    def _may(self, act: acts.Act) -> None:
        step = getattr(act, "step", "")
        earlier = self.receipts.get(act.key) or self.answered.get(step)
        if earlier is not None and act.do != "revise":
            self._no("already_answered", f"already answered: {earlier.message}", earlier.model_dump(mode="json"))
        if act.do in {"decide", "complete", "ask_information"} and act.by not in self.given.asked.get(step, []):
            self._no("not_yours", f"{step} is asked of {self.given.asked.get(step)}, not of you", {})
        if isinstance(act, acts.Decide):
            if act.edition < self.given.edition and act.verdict == "approve":
                self._no("stale", "margin moved", {"changed": {"margin": ["26 %", "21.4 %"]}})
            if act.verdict in {"reject", "ask_changes"} and not act.reason:
                self._no("reason_needed", "say why", {"field": "reason"})
        if act.do == "release":
            self._no("closed", "the deal is not on hold, so there is nothing to release", {})

    def _no(self, code: str, message: str, details: dict[str, Any]) -> None:
        raise ApplicationError(message, details, type=code)


class Notes:
    """Writes what the real `record` would write, as far as the pages need it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="note")
    async def note(self, done: Done) -> None:
        now = datetime.now(UTC)
        async with self._database.write() as session:
            deal = await session.get(Deal, done.deal)
            request = await session.get(Request, f"{done.deal}|{done.step}|1")
            if deal is not None:
                deal.seq, deal.changed_at = done.seq, now
                if done.closes:
                    deal.waits = [each for each in deal.waits if each["step"] != done.step]
                    deal.path = [{**each, "state": "done"} if each["step"] == done.step else each for each in deal.path]
                if done.outcome == "hold":
                    deal.status = "hold"
            if request is not None and done.closes:
                request.state, request.outcome = "closed", done.outcome
                request.answered_by, request.closed_at = done.who, now
            entry = JournalEntry(
                seq=done.seq,
                at=now,
                who=done.who,
                kind=done.kind,
                step=done.step or None,
                round=1 if done.step else None,
                body=done.body,
                text=f"{done.outcome} {done.step}",
            )
            await append(session, done.deal, [entry])
