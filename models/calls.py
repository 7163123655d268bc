"""What a deal's workflow sends to be carried out: calls of actions, and the batch of one wait point."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, field_serializer

from models.asking import chosen
from models.deal import DealState, Entry, ExternalRef, base
from models.flow import CallDef, FlowDef, RenderDef, StepId, SubflowDef
from models.outcomes import Need, needs
from models.values import Reading, Value


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Intake(_Message):
    """A new deal: its flow, and who it is. `parent` is set for a subflow's deal."""

    t: Literal["intake"] = "intake"
    flow: FlowDef
    deal: str
    url: str = ""
    life: int = 1
    facts: dict[str, Value] = {}
    parent: Parent | None = None


class Parent(_Message):
    """Whom a subflow reports to."""

    workflow: str
    step: StepId
    revision: int
    outputs: tuple[str, ...] = ()


Intake.model_rebuild()


class Report(_Message):
    """What a subflow tells its parent when it has ended; only declared facts travel."""

    step: StepId
    revision: int
    outcome: Literal["done", "rejected", "expired"]
    facts: dict[str, Value] = {}


class ActionCall(_Message):
    """One call of an action. `key` is the effect key: deal, step and revision; never random, never reused."""

    deal: str
    step: StepId
    action: str
    op: Literal["do", "again", "amend", "undo"]
    revision: int
    inputs: Reading
    reference: ExternalRef | None = None
    document: str = ""
    template: str = ""
    template_hash: str = ""

    @property
    def key(self) -> str:
        return f"{self.deal}|{self.step}|{self.revision}"


class Batch(_Message):
    """Everything `record` writes at one wait point, in one transaction.

    `state` is the deal's state without its flow, which goes along only until the database has it: on the way it is a
    DealState, written down when it is sent, and arrives as plain JSON.
    """

    deal: str
    flow_digest: str
    flow: FlowDef | None
    state: Any
    entries: tuple[Entry, ...]
    needs: tuple[Need, ...]
    at: AwareDatetime

    @field_serializer("state", when_used="always")
    def _plain(self, state: Any) -> Any:
        if not isinstance(state, DealState):
            return state
        return state.model_dump(mode="json", exclude={"flow", "outbox", "answered"})


class PrepareOnboarding(_Message):
    """What an onboarding is laid out from."""

    deal: str
    step: StepId
    accepted_by: str
    packet: str = ""
    conditions: tuple[str, ...] = ()
    facts: dict[str, Value] = {}


def batch(state: DealState, now: Any, *, with_flow: bool) -> Batch:
    """Return what `record` writes now; it is written down as it is sent, before anybody changes the state."""
    return Batch(
        deal=state.deal,
        flow_digest=state.flow.digest,
        flow=state.flow if with_flow else None,
        state=state,
        entries=tuple(state.outbox),
        needs=tuple(needs(state)),
        at=now,
    )


def call_of(state: DealState, step_id: StepId) -> ActionCall:
    """Return the call for a step that has begun."""
    record = state.record(step_id)
    here = state.flow.steps[base(step_id)]
    match here.step:
        case CallDef() as step:
            return ActionCall(
                deal=state.deal, step=step_id, action=step.action, op=record.op or "do", revision=record.revision,
                inputs=record.read, reference=record.live,
            )  # fmt: skip
        case RenderDef() as step:
            name = step.template if isinstance(step.template, str) else _picked(state, step)
            variables = {k: v for k, v in record.read.items() if k != "template"}
            return ActionCall(
                deal=state.deal, step=step_id, action="render", op="again", revision=record.revision, inputs=variables,
                document=step.document, template=name, template_hash=state.templates.get(name, ""),
            )  # fmt: skip
        case SubflowDef() as step:
            return ActionCall(
                deal=state.deal, step=step_id, action=step.what, op=record.op or "do", revision=record.revision,
                inputs=record.read,
            )  # fmt: skip
    raise TypeError(f"{step_id} is not a step that calls anything")


def _picked(state: DealState, step: RenderDef) -> str:
    return chosen(step.template, state.facts, state.rates) or ""
