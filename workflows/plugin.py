"""The one plugin that client, worker and replayer share, so that replay tests cannot drift from production."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkerConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.deal import DealLifecycle
from workflows.onboarding import Onboarding

WORKFLOWS = (DealLifecycle, Onboarding)
DEALS_QUEUE = "deals"


AT_ONCE = 8
"""Workflow tasks in hand at once. Python runs one at a time: a hundred, the default, only make each other late."""


def plugin(workflows: Sequence[type] = WORKFLOWS) -> SimplePlugin:
    """Return the production configuration: data converter, sandbox and workflows (none where only actions run)."""
    return _Plugin(
        "throughline",
        data_converter=pydantic_data_converter,
        workflow_runner=_sandboxed,
        workflows=list(workflows),
    )


class _Plugin(SimplePlugin):
    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        config = super().configure_worker(config)
        return {**config, "max_concurrent_workflow_tasks": config.get("max_concurrent_workflow_tasks") or AT_ONCE}


def _sandboxed(_given: WorkflowRunner | None) -> WorkflowRunner:
    """The sandbox stays on; only our own pure modules pass through it, for a run costs 2 ms with it and 400 without."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules("models")
    return SandboxedWorkflowRunner(restrictions=restrictions)
