"""The project of a deal and the issues of its plan, made and kept in the project tool through the effect ledger."""

from __future__ import annotations

from datetime import date

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.effects import Effect, Ledger
from activities.failures import told_to_temporal
from connectors.contract import DuplicateSafety, ExternalRef, IssueBody, IssueChange, ProjectBody, ProjectTool
from models import deal
from models.calls import ActionCall
from models.onboarding import PlanRow, Synced, SyncedRow, SyncPlan
from models.outcomes import Result
from models.values import Text


class Projects:
    """What is done in the project tool."""

    def __init__(self, ledger: Ledger, tool: ProjectTool) -> None:
        self._ledger = ledger
        self._tool = tool

    @activity.defn(name="create_project")
    async def create_project(self, call: ActionCall) -> Result:
        """Make the deal's project, or close it where that is undone."""
        with told_to_temporal():
            if call.op == "undo":
                return await self._close(call)
            body = ProjectBody(name=f"{call.inputs['account']}: {call.inputs['title']}", description=f"Of {call.deal}.")
            effect = Effect.declared(
                self._tool.manifest, "project", deal_id=call.deal, step=call.step, revision=call.revision
            )
            made = await self._ledger.once(
                effect,
                body.model_dump(),
                lambda: self._tool.find_project(effect.key),
                lambda: self._tool.create_project(effect.key, body),
            )
        reference = deal.ExternalRef(id=made.id, url=made.url or "")
        return Result(facts={"project": Text(v=made.id)}, reference=reference)

    @activity.defn(name="sync_plan")
    async def sync_plan(self, plan: SyncPlan) -> Synced:
        """Make every row's issue, or bring it up to date; asking again makes nothing twice."""
        made: dict[str, ExternalRef] = {}
        ends = {row.task: row.due for row in plan.rows}
        with told_to_temporal():
            for row in plan.rows:
                if row.issue is None:
                    made[row.task] = await self._make(plan, row)
                    # The tool moves what follows behind the end of what precedes; a milestone stays on that very day.
                    for name in (name for name in row.after if name in made and ends[name] < row.start):
                        await self._tool.precede(made[name], made[row.task])
                else:
                    made[row.task] = await self._bring_up_to_date(plan, row, ExternalRef(id=row.issue))
        return Synced(rows=tuple(SyncedRow(task=task, id=ref.id, url=ref.url) for task, ref in made.items()))

    async def _make(self, plan: SyncPlan, row: PlanRow) -> ExternalRef:
        project = ExternalRef(id=plan.project)
        body = IssueBody(
            subject=row.subject,
            description=row.description,
            start=row.start,
            due=_not_before(row.start, row.due),
        )
        effect = Effect.declared(
            self._tool.manifest, "issue", deal_id=plan.deal_id, step=_step(row), revision=row.revision
        )
        return await self._ledger.once(
            effect,
            body.model_dump(mode="json"),
            lambda: self._tool.find_issue(project, effect.key),
            lambda: self._tool.create_issue(project, effect.key, body),
        )

    async def _bring_up_to_date(self, plan: SyncPlan, row: PlanRow, issue: ExternalRef) -> ExternalRef:
        change = IssueChange(start=row.start, due=_not_before(row.start, row.due), done=row.done)
        effect = Effect.declared(
            self._tool.manifest,
            "issue",
            deal_id=plan.deal_id,
            step=_step(row),
            revision=row.revision,
            operation="amend",
        )
        # Saying the same of an issue twice changes nothing, so a lost answer is simply asked for again.
        effect = effect.model_copy(update={"safety": DuplicateSafety.SERVER_KEY})

        async def update() -> ExternalRef:
            return (await self._tool.update_issue(issue, change)).ref

        return await self._ledger.once(effect, change.model_dump(mode="json"), None, update)

    async def _close(self, call: ActionCall) -> Result:
        if call.reference is None:
            raise ApplicationError("there is no project to close", type="not_allowed", non_retryable=True)
        project = ExternalRef(id=call.reference.id, url=call.reference.url or None)
        effect = Effect.declared(
            self._tool.manifest,
            "project",
            deal_id=call.deal,
            step=call.step,
            revision=call.revision,
            operation="undo",
        ).model_copy(update={"safety": DuplicateSafety.SERVER_KEY})

        async def close() -> ExternalRef:
            await self._tool.close_project(project)
            return project

        await self._ledger.once(effect, {"close": project.id}, None, close)
        return Result(unset=("project",))


def _step(row: PlanRow) -> str:
    """Return the step of a row's issue in the ledger, apart from all steps of the deal's flow."""
    return f"plan:{row.task}"


def _not_before(start: date, due: date) -> date:
    return max(start, due)
