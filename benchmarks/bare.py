"""The floor: a bare Temporal workflow with the same task queues, calls and waits as a managed-services deal."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from models.calls import ActionCall


@workflow.defn(sandboxed=False)
class BareChild:
    """What an onboarding is to the floor: a child that only has to have started."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@workflow.defn
class BareDeal:
    """Calls, waits and nothing else: no journal, no read side, no rules."""

    @workflow.init
    def __init__(self, deal: str) -> None:
        self.deal = deal
        self.answers = 0

    @workflow.run
    async def run(self, deal: str) -> str:
        await self._wait(1)
        await self._call("price_quote", "bare")
        await self._wait(3)
        await self._call("render", "bare")
        await self._wait(8)
        await self._call("create_sales_order", "bare.erp")
        await self._call("create_project", "bare.projects")
        await self._wait(9)
        await workflow.start_child_workflow(
            BareChild.run, id=f"child/{deal}", parent_close_policy=ParentClosePolicy.ABANDON
        )
        return "won"

    @workflow.update
    def answer(self, _text: str) -> int:
        self.answers += 1
        return self.answers

    @workflow.query
    def answered(self) -> int:
        return self.answers

    async def _call(self, name: str, queue: str) -> None:
        call = ActionCall(deal=self.deal, step=f"call:{name}", action=name, op="do", revision=1, inputs={})
        await workflow.execute_activity(
            f"bare_{name}", call, task_queue=queue, start_to_close_timeout=timedelta(seconds=60)
        )

    async def _wait(self, answers: int) -> None:
        """Every wait has a deadline, as every request has."""
        await workflow.wait_condition(lambda: self.answers >= answers, timeout=timedelta(days=2))
