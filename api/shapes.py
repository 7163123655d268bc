"""What the JSON API takes and answers, with examples; the OpenAPI description is made of these."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from models.values import Value

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
SourceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{1,80}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,79}$")]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Taken(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StartDeal(Taken):
    """A deal as its source has it now. A fact whose value is not known is left out."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "source": "hubspot",
                    "source_id": "5012345",
                    "title": "Corvane Logistics, managed services",
                    "account": "Corvane Logistics",
                    "owner": "dana",
                    "at": "2026-11-17T14:20:00-06:00",
                    "facts": {
                        "amount": {"t": "money", "amount": "409107.84", "currency": "USD"},
                        "discount": {"t": "percent", "value": "18"},
                    },
                }
            ]
        },
    )
    source: Slug
    source_id: SourceId
    title: Line
    account: Line
    owner: Slug
    at: AwareDatetime = Field(description="when the source wrote this state of the deal")
    flow: Line | None = Field(default=None, description="a flow by name; without it the first that takes the deal")
    facts: dict[FactName, Value] = Field(default_factory=dict, max_length=500)


class ReceiptShape(Shape):
    """What came of an act. `repeated` says that the answer is that of an earlier one."""

    outcome: str
    message: str
    seq: int
    by: str
    at: datetime
    repeated: bool = False


class Started(Shape):
    """The deal is running."""

    deal: str
    receipt: ReceiptShape
    url: str


class DealLine(Shape):
    """A deal in a list."""

    id: str
    title: str
    account: str
    owner: str
    flow: str
    flow_version: int
    stage: str
    status: Literal["running", "hold", "won", "lost", "cancelled", "merged"]
    amount: Decimal | None
    currency: str
    discount: Decimal | None
    margin: Decimal | None
    waiting_on: list[str]
    incidents: int
    opened_at: datetime
    changed_at: datetime
    stage_since: datetime
    ended_at: datetime | None


class DealPage(Shape):
    """A page of deals. `next` goes into `after` for the page behind it."""

    deals: list[DealLine]
    next: str | None


class DealWhole(DealLine):
    """A deal with everything its page shows."""

    source: str
    source_id: str
    life: int
    flow_digest: str
    crm_url: str
    seq: int
    facts: dict[str, Any]
    path: list[dict[str, Any]]
    waits: list[dict[str, Any]]
    delivery: dict[str, Any] | None


class Explained(Shape):
    """Why the deal stands where it stands: every wait with reason, owner, clock and the acts that unblock it."""

    deal: str
    stage: str
    status: str
    waits: list[dict[str, Any]]


class JournalLine(Shape):
    """One entry of the journal. `seq` is null where the API refused something on the workflow's behalf."""

    position: int
    seq: int | None
    at: datetime
    who: str
    kind: str
    step: str | None
    round: int | None
    revision: int | None
    text: str
    body: dict[str, Any]
    because: int | None
    prev_hash: str
    hash: str


class JournalPage(Shape):
    """A stretch of the journal, oldest first. `next` goes into `after`."""

    deal: str
    entries: list[JournalLine]
    next: int | None


class DocumentLine(Shape):
    """One version of a document; its bytes are under `/documents/{sha256}`."""

    id: str
    name: str
    version: int
    sha256_pdf: str
    sha256_html: str
    template: str
    at: datetime


class EffectLine(Shape):
    """One change in somebody else's system."""

    key: str
    step: str
    revision: int
    operation: Literal["do", "amend", "undo"]
    system: str
    duplicate_safety: Literal["A", "B", "C", "D", "E"]
    state: Literal["intended", "confirmed", "refused", "unknown", "void"]
    external_id: str | None
    external_url: str | None
    attempts: int
    error: str | None
    intended_at: datetime
    confirmed_at: datetime | None


class RequestLine(Shape):
    """Something a person is or was asked."""

    id: str
    deal_id: str
    step: str
    round: int
    edition: int
    kind: Literal["approval", "task", "handoff", "signature", "wait", "revise", "question", "incident"]
    title: str
    reason: str
    who: str
    people: list[str]
    state: Literal["open", "closed"]
    outcome: str | None
    answered_by: str | None
    opened_at: datetime
    due_at: datetime | None
    escalates_at: datetime | None
    escalates_to: str | None
    stopped: bool
    closed_at: datetime | None


class RequestWhole(RequestLine):
    """A request with everything its page shows."""

    body: dict[str, Any]


class InboxLine(RequestLine):
    """A request in a list, with its deal."""

    account: str
    deal_title: str
    amount: Decimal | None
    currency: str


class FlowLine(Shape):
    """One definition of a flow and how many running deals follow it."""

    name: str
    version: int
    digest: str
    source_path: str
    first_seen_at: datetime
    running: int


class OnboardingLine(Shape):
    """An onboarding in a list."""

    id: str
    deal_id: str
    account: str
    title: str
    manager: str
    phase: str
    state: Literal["running", "done"]
    promised_go_live: date | None
    forecast_go_live: date | None
    tasks_total: int
    tasks_done: int
    blocked: int
    risk: str | None
    since: datetime


class TaskLine(Shape):
    """One task of an onboarding."""

    task: str
    name: str
    phase: str
    owner: str
    side: Literal["us", "customer", "vendor"]
    state: Literal["waiting", "ready", "started", "blocked", "done"]
    after: list[str]
    start: date | None
    due: date | None
    baseline_due: date | None
    done_at: datetime | None
    blocked_reason: str | None
    blocked_side: str | None
    external_url: str | None


class OnboardingWhole(OnboardingLine):
    """An onboarding with its tasks."""

    tasks: list[TaskLine]


class Health(Shape):
    """Whether this process can do its work, and what is missing."""

    ready: bool
    database: Literal["ok", "down"]
    temporal: Literal["ok", "down"]
    worker: Literal["ok", "not seen"]
