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


class BulkItem(Taken):
    """One answer among many. What is left empty is that of the whole."""

    request: str = Field(max_length=300, description="its id, `deal/<source>/<id>|<step>|<round>`")
    edition: int = Field(default=0, description="the edition that was read")
    verdict: str = Field(default="", max_length=40)
    reason: str = ""
    to_stage: str = Field(default="", max_length=200)
    form: dict[str, Any] = Field(default_factory=dict)
    key: str = Field(default="", max_length=80, description="its own one-time key; else made of that of the whole")


class BulkDecide(Taken):
    """Up to a hundred answers, each judged by itself: what refuses one does not touch the others."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "verdict": "approve",
                    "items": [
                        {"request": "deal/hubspot/5012345|approval:finance|1", "edition": 1},
                        {
                            "request": "deal/hubspot/5012346|approval:finance|2",
                            "edition": 3,
                            "verdict": "reject",
                            "reason": "60 days at most",
                        },
                    ],
                }
            ]
        },
    )
    verdict: str = Field(default="approve", max_length=40)
    reason: str = ""
    items: list[BulkItem] = Field(min_length=1, max_length=100)


class ItemResult(Shape):
    """What came of one answer. One that was recorded before is done too, with the code `already_answered`."""

    request: str
    deal: str
    done: bool
    message: str
    outcome: str = ""
    by: str = ""
    seq: int = 0
    code: str = ""
    next: str = ""


class BulkAnswer(Shape):
    """What came of all, in the order given."""

    done: int
    refused: int
    results: list[ItemResult]


class AttachmentShape(Shape):
    """A file that is kept, as a comment names it."""

    sha256: str
    name: str
    media: str
    size: int


class PreviewChange(Taken):
    """A change of facts that is not made yet; without one the question is who is asked as things stand."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"facts": {"discount": {"t": "percent", "value": "22"}}}]},
    )
    facts: dict[FactName, Value] = Field(default_factory=dict, max_length=500)
    unset: list[FactName] = Field(default_factory=list, max_length=500)


class PreviewLine(Shape):
    """What a change does to one step, or to one person's answer to it, and how long such answers usually take."""

    step: str
    title: str
    kind: str
    what: str = Field(description="stands, asked again, asked, open, shown anew, void, done again and so on")
    person: str = Field(default="", description="whose answer it is about; empty for the step as a whole")
    who: str = ""
    people: list[str] = Field(default_factory=list)
    reason: str = ""
    within: str = Field(default="", description="the promised time, where somebody is asked")
    certain: bool = Field(default=True, description="false where a step before it is still to find something out")
    usual_hours: float | None = Field(default=None, description="half of the past answers took at most this long")
    slow_hours: float | None = Field(default=None, description="four of five took at most this long")
    answers: int = 0


class PreviewWhole(Shape):
    """What would happen, in flow order; `fingerprint` changes when anything it says does."""

    deal: str
    fingerprint: str
    held: str = Field(default="", description="why the change would wait for the owner as a whole, or nothing")
    lines: list[PreviewLine]


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
