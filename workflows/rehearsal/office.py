"""What a deal reaches in virtual time: its record, its actions, its project tool, answering by rule and seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

from models.begin import begin
from models.calendar import ExpandCalendar
from models.calls import ActionCall, Batch, PrepareOnboarding
from models.deal import DealState, Entry, ExternalRef
from models.flow import FlowDef
from models.onboarding import OnboardingBatch, OnboardingRecorded, Synced, SyncedRow, SyncPlan
from models.outcomes import Result
from models.people import BusinessTime, Directory, M, find_out
from models.plan import PlanTemplate
from models.values import Digest, Value, fingerprint
from workflows.flows.plans import PLANS
from workflows.rehearsal.outside import Attempt, Done, Failed

Outputs = Callable[[ActionCall, FlowDef], Mapping[str, Value]]
"""What an action's output facts are said to be."""
Trouble = Callable[[Attempt], timedelta | Failed]
"""How long a try takes, or how it fails."""

_LOCAL: Mapping[str, type] = {
    "record": Batch, "prepare_onboarding": PrepareOnboarding, "expand_calendar": ExpandCalendar,
    "record_onboarding": OnboardingBatch, "sync_plan": SyncPlan,
}  # fmt: skip


class Office:
    """The company's systems in a rehearsal. Every outside record is counted, so a doubled one would show."""

    def __init__(
        self, staff: Directory[M], clock: BusinessTime, outputs: Outputs, *, trouble: Trouble | None = None,
        plans: Sequence[PlanTemplate] = PLANS,
    ) -> None:  # fmt: skip
        self.staff, self.clock, self.plans = staff, clock, plans
        self.outputs = outputs
        self.trouble = trouble or (lambda _attempt: timedelta(0))
        self._flows: dict[str, FlowDef] = {}
        self.journal: dict[str, list[Entry]] = {}
        self.order: dict[str, list[int]] = {}
        """When each entry of a journal came on record, counted through all journals."""
        self._entries = count()
        self.onboardings: dict[str, OnboardingBatch] = {}
        self.effects: dict[str, list[str]] = {}
        """Effect key -> what was done outside under it, try by try; one entry each when nothing is ever asked twice."""
        self.recorded: Callable[[str], None] = lambda _deal: None
        """Told whenever a deal or an onboarding is on record."""
        self.flow_of: Callable[[str], FlowDef] = self._flows.__getitem__
        """The flow a deal walks; before its first record only the deal itself knows."""

    def takes(self, name: str) -> type | None:
        """Return the type of an action's argument; every catalogued action takes a call."""
        return _LOCAL.get(name, ActionCall)

    def perform(self, attempt: Attempt) -> Done | Failed:
        """Return what comes of one try."""
        trouble = self.trouble(attempt)
        if isinstance(trouble, Failed):
            return trouble
        return Done(self._answer(attempt.argument), trouble)

    def _answer(self, asked: Any) -> Any:
        match asked:
            case Batch():
                return self._record(asked)
            case ActionCall():
                return self._act(asked)
            case PrepareOnboarding():
                return begin(asked, self.plans, self.staff, self.clock.calendar)
            case ExpandCalendar():
                return self.clock.expand(asked.spec, asked.start, asked.days)
            case OnboardingBatch():
                self.onboardings[asked.onboarding.id] = asked
                self._journal(asked.onboarding.id, asked.entries)
                return OnboardingRecorded(seq=asked.onboarding.seq)
            case SyncPlan():
                return Synced(
                    rows=tuple(SyncedRow(task=row.task, id=row.issue or f"#{row.task}") for row in asked.rows)
                )
        raise TypeError(f"nobody answers {type(asked).__name__}")

    def _record(self, batch: Batch) -> Any:
        if batch.flow is not None:
            self._flows[batch.deal] = batch.flow
        state = batch.state
        if not isinstance(state, DealState):
            state = DealState.model_validate({**state, "flow": self._flows[batch.deal]})
        answer = find_out(self.staff, self.clock, state, batch.needs, batch.at)
        self._journal(batch.deal, batch.entries)
        return answer

    def _journal(self, chain: str, entries: Sequence[Entry]) -> None:
        known = self.journal.setdefault(chain, [])
        last = known[-1].seq if known else 0
        fresh = [entry for entry in entries if entry.seq > last]
        known.extend(fresh)
        self.order.setdefault(chain, []).extend(next(self._entries) for _ in fresh)
        self.recorded(chain)

    def _act(self, call: ActionCall) -> Result:
        flow = self.flow_of(call.deal)
        if call.action == "render":
            sha = fingerprint({**call.inputs, "document": Digest(sha256=call.document)})
            return Result(
                document=Digest(sha256=sha, label=call.document), template=call.template_hash or "as it is now"
            )
        spec = flow.actions[call.action]
        if spec.effect:
            self.effects.setdefault(call.key, []).append(call.op)
        reference = None
        if spec.effect and call.op == "do":
            number = sum(ops[0] == "do" for ops in self.effects.values())
            reference = ExternalRef(id=f"{_letters(call.action)}-{1000 + number}")
        return Result(facts={} if call.op == "undo" else dict(self.outputs(call, flow)), reference=reference)


def _letters(action: str) -> str:
    return "".join(word[0] for word in action.split("_")).upper()
