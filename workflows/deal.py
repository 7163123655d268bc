"""One durable workflow per deal: a small loop around the pure walk. It decides nothing itself."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.acts import Act
    from models.calls import Intake, Parent, Report, batch
    from models.deal import DealState, Receipt, Status, prune
    from models.deeds import carry_out as do
    from models.facts import Source
    from models.outcomes import Recorded, Result, failed, finished, recorded
    from models.progress import Wait, explain
    from models.refusals import refusal
    from models.ringing import next_ring, ring
    from models.signalled import answered
    from models.turn import turn
    from workflows.steps import Waiting, carry_out, incident_of
    from workflows.unwritten import pause

DealInput = Annotated[Intake | DealState, Field(discriminator="t")]


@workflow.defn(name="DealLifecycle")
class DealLifecycle:
    """What happens to one deal. Its state is everything; its loop is walk, record, wait."""

    @workflow.init
    def __init__(self, given: DealInput) -> None:
        self.state = given if isinstance(given, DealState) else _new(given, workflow.now())
        self.changed = True
        self.unwritten_since: datetime | None = None
        self.flow_known = isinstance(given, DealState)
        self.under_way: set[asyncio.Task[None]] = set()

    @workflow.run
    async def run(self, given: DealInput) -> str:  # noqa: ARG002 (@workflow.init has taken it)
        state = self.state
        while not state.ended:
            self.changed = False  # before the walk: handlers may run while `record` is awaited
            self.begin(turn(state, workflow.now()))
            if state.ended:
                break
            await self.record()
            if not self.changed and self.may_roll_over():
                workflow.continue_as_new(state)
            await self.rest()
            if ring(state, workflow.now()):
                self.changed = True
        while self.unwritten_since or state.outbox:
            await self.record()
            if self.unwritten_since:
                until_again = pause(self.unwritten_since, workflow.now())
                await workflow.sleep(until_again, summary="the database does not answer; writing again")
        await self.report()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return str(state.ending)

    @workflow.update(
        description="Any decision or command on the deal; refused with a reason when it may not be done now"
    )
    def act(self, act: Act) -> Receipt:
        now = workflow.now()
        receipt, begun = do(self.state, act, now)
        prune(self.state, now)
        self.begin(begun)
        self.changed = True
        return receipt

    @act.validator
    def _may(self, act: Act) -> None:
        refused = refusal(self.state, act, workflow.now())
        if refused is not None:
            raise ApplicationError(refused.message, refused.details, type=refused.code)

    @workflow.signal(description="An answer from another workflow or the Temporal CLI; a refusal is journalled")
    def decide(self, given: dict[str, Any]) -> None:
        self.begin(answered(self.state, given, workflow.now()))
        self.changed = True

    @workflow.signal(description="A subflow of this deal has ended")
    def report_back(self, report: Report) -> None:
        record = self.state.record(report.step)
        if record.state is Status.RUNNING and record.revision == report.revision:
            finished(self.state, report.step, Result(facts=report.facts, outcome=report.outcome), workflow.now())
            self.changed = True

    @workflow.query(name="state", description="Everything the deal is")
    def the_state(self) -> DealState:
        return self.state

    @workflow.query(name="explain", description="Why the deal waits, for whom, and what unblocks it")
    def waits(self) -> list[Wait]:
        return explain(self.state)

    def begin(self, steps: list[str]) -> None:
        """Start the actions of steps that have begun; each comes back as a change of state."""
        for step in steps:
            task = asyncio.create_task(self._carry_out(step))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)

    async def _carry_out(self, step: str) -> None:
        try:
            result = await carry_out(self.state, step)
        except Waiting:
            return
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            failed(self.state, step, incident_of(failure), workflow.now())
        else:
            finished(self.state, step, result, workflow.now())
        self.changed = True

    async def record(self) -> None:
        """Write what happened since the last wait point and learn who is asked and until when (D4)."""
        state = self.state
        parcel = batch(state, workflow.now(), with_flow=not self.flow_known)
        if not self.unwritten_since and not parcel.entries and not parcel.needs:
            return
        try:
            answer = await workflow.execute_local_activity(
                "record",
                parcel,
                result_type=Recorded,
                start_to_close_timeout=timedelta(seconds=2),
                schedule_to_close_timeout=timedelta(seconds=10),
                local_retry_threshold=timedelta(seconds=1),
                retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=2),
                summary="write the journal and the read side",
            )
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            # Business goes on; the outbox is kept and written later.
            self.unwritten_since = self.unwritten_since or workflow.now()
            return
        self.unwritten_since, self.flow_known = None, True
        del state.outbox[: len(parcel.entries)]
        if recorded(state, answer, parcel.needs, workflow.now()) or state.outbox:
            self.changed = True
        workflow.set_current_details(_details(state))

    async def rest(self) -> None:
        """Wait until something changes or the earliest clock rings."""
        now, at = workflow.now(), next_ring(self.state)
        patience = None if at is None else max(at - now, timedelta(seconds=1))
        if self.unwritten_since:
            until_again = pause(self.unwritten_since, now)
            patience = min(patience or until_again, until_again)
        try:
            await workflow.wait_condition(
                lambda: self.changed, timeout=patience, timeout_summary="the next reminder, escalation or deadline"
            )
        except TimeoutError:
            self.changed = True  # a ringing clock is the only reason to wake without a change

    def may_roll_over(self) -> bool:
        """Whether this run may hand over to a fresh history: nothing under way, nothing unwritten, nobody answering."""
        return (
            workflow.info().is_continue_as_new_suggested()
            and not self.unwritten_since
            and not self.under_way
            and not self.state.outbox
            and all(step.startswith("subflow:") for step in self.state.running)  # those report by message
            and workflow.all_handlers_finished()
        )

    async def report(self) -> None:
        """Tell the parent, when this deal is another one's subflow."""
        if self.state.parent is None or self.state.ending is None:
            return
        parent = Parent.model_validate(self.state.parent)
        facts = {path: value for path, value in self.state.facts.items() if path in parent.outputs}
        outcome = {"won": "done", "cancelled": "expired"}.get(self.state.ending.outcome, "rejected")
        report = Report(step=parent.step, revision=parent.revision, outcome=outcome, facts=facts)
        handle = workflow.get_external_workflow_handle(parent.workflow)
        try:
            await handle.signal(DealLifecycle.report_back, report)
        except FailureError:
            workflow.logger.warning("the parent of %s has ended already", self.state.deal)


def _new(intake: Intake, now: datetime) -> DealState:
    state = DealState(
        flow=intake.flow, deal=intake.deal, url=intake.url, life=intake.life, opened_at=now,
        parent=intake.parent.model_dump(mode="json") if intake.parent else None,
    )  # fmt: skip
    state.note(
        now, "throughline", "arrived", f"the deal arrived; it walks {intake.flow.name} version {intake.flow.version}"
    )
    if intake.facts:
        state.facts = dict(intake.facts)
        state.facts_by = dict.fromkeys(intake.facts, Source.STEP.value)
    return state


def _details(state: DealState) -> str:
    """Return what Temporal's own page shows of the deal, in plain words."""
    waits = explain(state)
    lines = [f"- **{wait.title}** waits for {', '.join(wait.waiting_on) or wait.who}: {wait.reason}" for wait in waits]
    return "\n".join(lines) or str(state.ending)
