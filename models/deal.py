"""What a deal keeps: one record per step with what it read and what came of it. No program counter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.asking import Ending
from models.calendar import Instants
from models.flow import CallDef, FlowDef, Placed, Step, StepId, SubflowDef
from models.steered import Added, Moved, Proposed
from models.values import Items, Reading, Value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Kept(BaseModel):
    model_config = ConfigDict(validate_assignment=False)


class Status(StrEnum):
    """Where one step is."""

    NEW = "new"
    OPEN = "open"
    RUNNING = "running"
    INCIDENT = "incident"
    NEGATIVE = "negative"
    SETTLED = "settled"
    SKIPPED = "skipped"
    VOID = "void"


class ExternalRef(_Frozen):
    """Something of ours in somebody else's system."""

    id: str
    url: str = ""


class Decision(_Frozen):
    """One answer, with exactly what the person signed."""

    parties: tuple[str, ...]
    person: str
    verdict: Literal["yes", "no"]
    signed: Reading
    round: int
    edition: int
    at: AwareDatetime
    reason: str = ""
    channel: str = "page"
    on_behalf_of: str = ""
    by_silence: bool = False
    override: bool = False
    """An administrator decided in place of those asked; it stays marked for ever."""
    to_stage: str = ""
    conditions: tuple[str, ...] = ()


class Clock(_Kept):
    """A request's instants in business time; without `instants`, or while it stands still, it never rings.

    `rung` counts the deadlines that have passed: 0 is in time, 1 asked the first rung, and so on.
    After `resumed_at` the next `record` gives new instants that keep the remaining business time.
    """

    instants: Instants | None = None
    rung: int = 0
    reminded: int = 0
    stopped_at: AwareDatetime | None = None
    resumed_at: AwareDatetime | None = None
    pauses: list[tuple[AwareDatetime, AwareDatetime]] = []
    """When it stood still before; instants found out anew leave these times out."""

    def deadline(self) -> datetime | None:
        """Return the next instant at which somebody has had their time."""
        if self.instants is None or self.stopped_at is not None:
            return None
        passed = (self.instants.due, *self.instants.rungs)
        if self.rung < len(passed):
            return passed[self.rung]
        return passed[-1] + timedelta(weeks=self.rung - len(passed) + 1)  # overdue, which is said once a week

    def next_ring(self) -> datetime | None:
        """Return the earliest instant at which something happens."""
        if self.instants is None or self.stopped_at is not None:
            return None
        reminder = self.instants.reminders[self.reminded : self.reminded + 1]
        deadline = self.deadline()
        return min([*reminder, *([deadline] if deadline else [])], default=None)

    def stop(self, now: datetime) -> None:
        """Let it stand still."""
        if self.stopped_at is None or self.resumed_at is not None:
            self.stopped_at, self.resumed_at = self.stopped_at or now, None

    def resume(self, now: datetime) -> None:
        """Let it run again once `record` has computed new instants."""
        if self.stopped_at is not None:
            self.resumed_at = now


class Kept(_Frozen):
    """Somebody decided that a step stands although it would be done again; counted, with a reason."""

    how: Literal["differs", "surplus", "skipped", "continued", "by hand", "waived"]
    reading: Reading
    reason: str
    by: str
    at: AwareDatetime


NOBODY = "nobody"
"""The kind of incident in which too few people can be found who may answer a request."""


class Incident(_Frozen):
    """Why a step cannot go on by itself."""

    kind: str
    message: str
    at: AwareDatetime
    unknown: bool = False


class Inquiry(_Frozen):
    """Information an approver asked for; the request's clock stands still until it is given."""

    question: str
    by: str
    at: AwareDatetime
    answer: str = ""
    answered_by: str = ""


class Record(_Kept):
    """What happened at one step. The flow is the tree; this knows no position."""

    state: Status = Status.NEW
    outcome: str = ""
    reason: str = ""
    round: int = 0
    edition: int = 0
    revision: int = 0
    unconfirmed: bool = False
    """The last effect revision has no known result yet, so a new one may not open (semantics 37)."""
    op: Literal["", "do", "again", "amend", "undo"] = ""
    read: Reading = {}
    editions: list[Reading] = []
    """What each edition of the open request showed, first to last."""
    printed: str = ""
    live: ExternalRef | None = None
    document: Value | None = None
    decisions: list[Decision] = []
    asked: dict[str, list[str]] = {}
    """Per party, everybody who may answer for it now: people of a role, who stands in for them, rungs climbed."""
    stands_in: dict[str, str] = {}
    """Whom somebody asked stands in for, while that person is away."""
    handed: dict[str, dict[str, str]] = {}
    """The same per party, for those who have no place of their own in it."""
    moved: list[Moved] = []
    added: list[Added] = []
    proposed: Proposed | None = None
    nudged_at: AwareDatetime | None = None
    resolved: bool = False
    clock: Clock | None = None
    clock_before: Clock | None = None
    """The clock as it stood when the request was answered, for an answer that is taken back."""
    kept: Kept | None = None
    incident: Incident | None = None
    inquiry: Inquiry | None = None
    override: Reading = {}
    since: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    lapsed: bool = False
    conditions: list[str] = []

    def end_clock(self) -> None:
        """Let the clock go once the request is answered."""
        self.clock_before, self.clock = self.clock or self.clock_before, None


class Revise(_Kept):
    """The deal was sent back: its owner edits and resubmits (semantics 22)."""

    stage: str
    reasons: list[str]
    since: AwareDatetime
    by: tuple[StepId, ...] = ()
    """The steps whose noes sent it back; none where the owner did."""
    exhausted: str = ""
    """The sending stage that used up its rework, until the owner's manager says once more."""
    clock: Clock = Clock()


class Hold(_Frozen):
    """The deal stands still on purpose."""

    reason: str
    by: str
    at: AwareDatetime
    until: AwareDatetime | None = None


class Question(_Frozen):
    """Something only a person can decide, derived by every walk (semantics 48)."""

    step: StepId
    kind: Literal["missing", "differs", "surplus", "decide", "exhausted", "ending", "packet", "held"]
    reason: str
    since: AwareDatetime


class Receipt(_Frozen):
    """What came of one act; a repeated act gets the first one's."""

    outcome: str
    message: str
    seq: int
    by: str
    at: AwareDatetime
    repeated: bool = False


class Parked(_Frozen):
    """An answer that counts once the machine steps before it are done again (semantics 28)."""

    step: StepId
    round: int
    decision: Decision


class Entry(_Frozen):
    """One journal entry as the workflow writes it; position and hash come at insertion."""

    seq: int
    at: AwareDatetime
    who: str
    kind: str
    text: str
    step: StepId | None = None
    round: int | None = None
    edition: int | None = None
    revision: int | None = None
    body: dict[str, Any] = {}
    because: int | None = None


class DealState(_Kept):
    """Everything a deal is, literally; continue-as-new carries exactly this."""

    t: Literal["state"] = "state"
    flow: FlowDef
    deal: str
    url: str = ""
    parent: dict[str, Any] | None = None
    facts: dict[str, Value] = {}
    facts_by: dict[str, str] = {}
    """Who last wrote each fact: a person id, or a source."""
    revision: int = 0
    records: dict[StepId, Record] = {}
    sent_back: dict[str, int] = {}
    revise: Revise | None = None
    outbox: list[Entry] = []
    sources: dict[str, AwareDatetime] = {}
    said: dict[str, dict[str, Value]] = {}
    """What each outside source said last, by source: only what it says anew is a change."""
    rates: dict[str, Decimal] = {"USD": Decimal(1)}
    parked: list[Parked] = []
    hold: Hold | None = None
    questions: dict[str, Question] = {}
    templates: dict[str, str] = {}
    tables: dict[str, str] = {}
    answered: dict[str, Receipt] = {}
    people: dict[str, list[str]] = {}
    submitted_by: str = ""
    ending: Ending | None = None
    ended: bool = False
    life: int = 1
    seq: int = 0
    cause: int | None = None
    opened_at: AwareDatetime
    redone: list[AwareDatetime] = []
    """When outside revisions redid something, for the limit of semantics 26."""
    late: int = 0

    def record(self, step: StepId) -> Record:
        """Return the step's record; a step nothing happened to has a new one."""
        return self.records.get(step) or NEW

    def touch(self, step: StepId) -> Record:
        """Return the step's record to be changed."""
        if step not in self.records:
            self.records[step] = Record()
        return self.records[step]

    def note(self, now: datetime, who: str, kind: str, text: str, step: StepId | None = None, **more: Any) -> Entry:
        """Append one journal entry to the outbox and return it."""
        record = self.records.get(step or "")
        self.seq += 1
        entry = Entry(
            seq=self.seq,
            at=now,
            who=who,
            kind=kind,
            text=text,
            step=step,
            round=record.round if record else None,
            edition=record.edition if record else None,
            revision=self.revision,
            body=more,
            because=self.cause,
        )
        self.outbox.append(entry)
        return entry

    def ask_anew(self) -> None:
        """Let `record` find out again whom every request asks that waits for people: something it hangs on changed."""
        for record in self.records.values():
            stuck = record.state is Status.INCIDENT and record.incident is not None and record.incident.kind == NOBODY
            if record.clock is not None and (record.state is Status.OPEN or stuck):
                record.resolved = False

    def stop_clocks(self, now: datetime) -> None:
        """Let every open request's clock stand still."""
        for record in self.records.values():
            if record.clock is not None:
                record.clock.stop(now)
        if self.revise is not None:
            self.revise.clock.stop(now)

    @property
    def busy(self) -> bool:
        """Whether anything runs or is stuck outside."""
        return any(r.state in (Status.RUNNING, Status.INCIDENT) for r in self.records.values())

    @property
    def running(self) -> list[StepId]:
        return [step for step, r in self.records.items() if r.state is Status.RUNNING]


NEW = Record()


def instance(step: StepId, item: str) -> StepId:
    """Return the id of one instance of a step with `each=` (semantics 2)."""
    return f"{step}[{item}]"


def base(step: StepId) -> StepId:
    """Return the step an instance belongs to."""
    return step.partition("[")[0]


def placed(state: DealState, step: StepId) -> Placed | None:
    """Return where a step, or the step of an instance, stands in the flow."""
    return state.flow.steps.get(base(step))


def instances(step: Step, state: DealState) -> Iterator[tuple[StepId, bool]]:
    """Yield the ids of `step`'s instances with whether their item still exists."""
    if not isinstance(step, CallDef | SubflowDef) or step.each is None:
        yield step.id, True
        return
    value = state.facts.get(step.each)
    keys = [item.key for item in value.items] if isinstance(value, Items) else []
    for key in keys:
        yield instance(step.id, key), True
    prefix = f"{step.id}["
    for known in state.records:
        if known.startswith(prefix) and known[len(prefix) : -1] not in keys:
            yield known, False


def prune(state: DealState, now: datetime) -> None:
    """Drop the receipts of acts older than 30 days: nobody repeats a key after that."""
    old = [key for key, receipt in state.answered.items() if now - receipt.at > timedelta(days=30)]
    for key in old:
        del state.answered[key]
