"""An onboarding: what starts it, what people do to it, its state, and the messages it sends to be carried out."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.calendar import CalendarSpec, Working
from models.deal import Entry, Receipt
from models.plan import After, PlanTemplate, Side


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


# --- what starts it


class Condition(_Frozen):
    """A condition under which operations accepted the handoff; it becomes a task that go-live waits for."""

    text: str = Field(min_length=1, max_length=500)
    owner: str
    side: Side = Side.US
    days: int = Field(default=2, ge=0, le=250)


class Begin(_Frozen):
    """Everything an onboarding is laid out from. `owners` gives the person of a role; others stay roles."""

    id: str
    deal_id: str
    account: str
    title: str
    manager: str
    plan: PlanTemplate
    calendar: CalendarSpec
    promised_go_live: date | None = None
    conditions: tuple[Condition, ...] = ()
    owners: dict[str, str] = {}
    project: str = Field("", description="the project tool's id of the project; empty: no issues are made")


# --- what people do


class _TaskAct(_Frozen):
    key: str = Field(min_length=1, max_length=200)
    by: str = Field(min_length=1, max_length=100)
    channel: str = "api"
    task: str = Field(min_length=1, max_length=100)


class StartTask(_TaskAct):
    """Begin to work on a task that is ready."""

    do: Literal["start"] = "start"


class CompleteTask(_TaskAct):
    """Say that a task is finished."""

    do: Literal["complete"] = "complete"
    reason: str = Field("", max_length=4000, description="what was done, where that is worth a note")


class BlockTask(_TaskAct):
    """Say that a task cannot go on, why, and on whose side that lies."""

    do: Literal["block"] = "block"
    reason: str = Field("", max_length=4000)
    side: Side = Side.US


class UnblockTask(_TaskAct):
    """Say that a task can go on."""

    do: Literal["unblock"] = "unblock"
    reason: str = Field("", max_length=4000)


OnboardingAct = Annotated[StartTask | CompleteTask | BlockTask | UnblockTask, Field(discriminator="do")]


# --- what it is


class TaskState(StrEnum):
    """Where a task stands. Ready: everything before it is done."""

    WAITING = "waiting"
    READY = "ready"
    STARTED = "started"
    BLOCKED = "blocked"
    DONE = "done"


class Stop(_Frozen):
    """A time in which a task stood still, and whose side that is counted to."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    reason: str
    side: Side
    by: str


class Issue(_Frozen):
    """A task's issue in the project tool, and what we told the tool last."""

    id: str
    url: str | None = None
    revision: int = 1
    done: bool = False


class Task(_Frozen):
    """One task: what it is, what happened to it, and where the forecast puts it. The baseline never moves."""

    name: str
    title: str
    phase: str
    owner: str
    side: Side
    days: int
    after: tuple[After, ...]
    state: TaskState = TaskState.WAITING
    started_at: AwareDatetime | None = None
    done_at: AwareDatetime | None = None
    stops: tuple[Stop, ...] = ()
    baseline_start: AwareDatetime
    baseline_due: AwareDatetime
    start: AwareDatetime
    due: AwareDatetime
    slack: timedelta = timedelta(0)
    critical: bool = False
    issue: Issue | None = None

    @property
    def blocked(self) -> Stop | None:
        """Why it stands still now."""
        return self.stops[-1] if self.stops and self.stops[-1].until is None else None


class Risk(_Frozen):
    """Why the promise is in danger, computed from the forecast, and since when it has been."""

    reason: str
    since: AwareDatetime


class OnboardingState(_Frozen):
    """Everything an onboarding is, literally; continue-as-new carries exactly this. Changed by copies only."""

    begin: Begin
    working: Working
    opened_at: AwareDatetime
    tasks: dict[str, Task]
    go_live: str
    promised_go_live: date
    baseline_go_live: date
    forecast_go_live: date
    phase: str
    risk: Risk | None = None
    done: bool = False
    calendar_short: bool = Field(
        False, description="the plan reaches beyond the calendar: dates stand until it is longer"
    )
    seq: int = 0
    recorded: int = 0
    outbox: tuple[Entry, ...] = ()
    crm_outbox: tuple[CrmWrite, ...] = ()
    crm_told: dict[str, str] = {}
    crm_revision: int = 0
    asked: SyncPlan | None = None
    sync_error: str = ""
    answered: dict[str, Receipt] = {}


class OnboardingInput(_Frozen):
    """A new onboarding, or the state of one that continues."""

    begin: Begin | None = None
    state: OnboardingState | None = None


class OnboardingResult(_Frozen):
    """How an onboarding ended."""

    id: str
    promised_go_live: date
    went_live: date


# --- what is carried out for it


class CrmWrite(_Frozen):
    """Properties of the CRM's deal to write; `revision` names this set, so it is written once."""

    deal_id: str
    revision: str
    fields: dict[str, str]


class OnboardingRow(_Frozen):
    """The row of table `onboarding`."""

    id: str
    deal_id: str
    account: str
    title: str
    manager: str
    phase: str
    state: Literal["running", "done"]
    promised_go_live: date
    forecast_go_live: date
    tasks_total: int
    tasks_done: int
    blocked: int
    risk: str | None
    since: AwareDatetime
    seq: int


class TaskRow(_Frozen):
    """A row of table `onboarding_task`."""

    onboarding_id: str
    task: str
    name: str
    phase: str
    owner: str
    side: Side
    state: TaskState
    after: tuple[str, ...]
    start: date
    due: date
    baseline_due: date
    done_at: AwareDatetime | None
    blocked_reason: str | None
    blocked_side: Side | None
    external_id: str | None
    external_url: str | None
    seq: int


class OnboardingBatch(_Frozen):
    """What the local activity `record_onboarding` writes in one transaction, guarded by `onboarding.seq`.

    `entries` go to the journal chain named by the onboarding's own id (its `seq` is not the deal's).
    """

    onboarding: OnboardingRow
    tasks: tuple[TaskRow, ...]
    entries: tuple[Entry, ...]
    crm: tuple[CrmWrite, ...]


class OnboardingRecorded(_Frozen):
    """What `record_onboarding` answers: up to where the onboarding is on record."""

    seq: int


class PlanRow(_Frozen):
    """One issue to make (`revision` 1) or to bring up to date. What it says stands until it is done."""

    task: str
    revision: int
    subject: str
    description: str
    start: date
    due: date
    after: tuple[str, ...] = ()
    done: bool = False
    issue: str | None = None


class SyncPlan(_Frozen):
    """What the activity `sync_plan` does in the project tool, row by row in this order, each through the ledger."""

    onboarding_id: str
    deal_id: str
    project: str
    rows: tuple[PlanRow, ...]


class SyncedRow(_Frozen):
    """The issue of a task."""

    task: str
    id: str
    url: str | None = None


class Synced(_Frozen):
    """The issues as they are now."""

    rows: tuple[SyncedRow, ...]


OnboardingState.model_rebuild()
OnboardingInput.model_rebuild()
