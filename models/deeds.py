"""Carrying out an accepted act: it changes records and the journal, and never decides what comes next."""

from __future__ import annotations

from datetime import datetime

from models import acts
from models.approval import policy_verdict
from models.asking import Ending, who_key
from models.deal import (
    NOBODY,
    Clock,
    DealState,
    Decision,
    ExternalRef,
    Hold,
    Inquiry,
    Kept,
    Parked,
    Receipt,
    Revise,
    Status,
    base,
    placed,
)
from models.flow import ApprovalDef, HandoffDef, StepId
from models.forms import answers
from models.moves import Gate
from models.parties import approvers
from models.reading import reading
from models.revisions import revise
from models.steering import steer
from models.turn import begin_again, end, land, reset, title
from models.values import Reading
from models.walk import walk


def carry_out(state: DealState, act: acts.Act, now: datetime) -> tuple[Receipt, list[StepId]]:
    """Do what `act` says; return the receipt and the steps whose actions are to be started."""
    state.cause = state.seq + 1
    outcome, message, begun = _do(state, act, now)
    receipt = Receipt(outcome=outcome, message=message, seq=state.seq, by=act.by, at=now)
    state.answered[act.key] = receipt
    return receipt, begun


def _do(state: DealState, act: acts.Act, now: datetime) -> tuple[str, str, list[StepId]]:
    match act:
        case acts.Decide():
            return _decide(state, act, now)
        case acts.Complete():
            return _complete(state, act, now)
        case acts.Sign():
            return _sign(state, act, now)
        case acts.Decline():
            return _decline(state, act, now)
        case acts.AskInformation():
            record = state.touch(act.step)
            record.inquiry = Inquiry(question=act.question, by=act.by, at=now)
            if record.clock is not None:
                record.clock.stop(now)
            return _noted(state, act, now, "information asked", f"{title(act.step)}: {act.question}", act.step)
        case acts.GiveInformation():
            return _inform(state, act, now)
        case acts.Recall():
            return _recall(state, act, now)
        case acts.Comment():
            files = [each.model_dump() for each in act.attachments]
            state.note(now, act.by, "comment", f"{title(act.step)}: {act.text}", act.step, attachments=files)
            return "comment", f"{title(act.step)}: said", []
        case acts.Reassign() | acts.AddApprover() | acts.Nudge() | acts.Override() | acts.Undo() | acts.PeopleChanged():
            return (*steer(state, act, now), [])
        case acts.Resubmit():
            state.revise, state.submitted_by = None, act.by
            state.ask_anew()  # whoever submitted before may answer again
            return _noted(state, act, now, "resubmitted", "the deal was resubmitted")
        case acts.EndDeal():
            end(state, Ending(outcome="lost", reason=act.reason), now, act.by)
            return "ending", f"the deal ends as lost: {act.reason}", []
        case acts.Cancel():
            end(state, Ending(outcome="cancelled", reason=act.reason), now, act.by)
            return "ending", f"the deal is cancelled: {act.reason}", []
        case acts.HoldDeal():
            return _hold(state, act, now)
        case acts.Release():
            release(state, act.by, now)
            return "released", "the deal goes on", []
        case acts.Revise():
            return (*revise(state, act, now), [])
        case acts.Retry() | acts.ChangeInput() | acts.Skip() | acts.CompleteByHand():
            return _incident(state, act, now)
        case acts.Answer():
            return _answer(state, act, now)


def release(state: DealState, by: str, now: datetime) -> None:
    """End the hold; clocks that nothing else stops run again."""
    state.hold = None
    for record in state.records.values():
        waiting = record.inquiry is not None and not record.inquiry.answer
        if record.clock is not None and not waiting:
            record.clock.resume(now)
    if state.revise is not None:
        state.revise.clock.resume(now)
    state.note(now, by, "released", "the deal goes on")


def _noted(
    state: DealState, act: acts.Act, now: datetime, kind: str, text: str, step: StepId | None = None
) -> tuple[str, str, list[StepId]]:
    state.note(now, act.by, kind, text, step, channel=act.channel)
    return kind, text, []


def _decide(state: DealState, act: acts.Decide, now: datetime) -> tuple[str, str, list[StepId]]:
    record, here = state.touch(act.step), placed(state, act.step)
    assert here is not None, act.step
    positive = act.verdict in ("approve", "accept", "accept_with_conditions")
    seen: Reading = record.editions[act.edition - 1] if 0 < act.edition <= len(record.editions) else record.read
    decision = Decision(
        parties=_parties_of(record.asked, act.by), person=act.by, verdict="yes" if positive else "no", signed=seen,
        round=record.round, edition=act.edition, at=now, reason=act.reason, channel=act.channel,
        to_stage=act.to_stage, conditions=act.conditions, on_behalf_of=record.stands_in.get(act.by, ""),
    )  # fmt: skip
    word = act.verdict.replace("_", " ")
    whom = f" for {decision.on_behalf_of}" if decision.on_behalf_of else ""
    text = f"{title(act.step)}: {act.by} answered {word}{whom}" + (f": {act.reason}" if act.reason else "")
    shown = {name: str(value) for name, value in seen.items()}
    state.note(
        now, act.by, "decided", text, act.step, verdict=act.verdict, channel=act.channel, signed=shown,
        on_behalf_of=decision.on_behalf_of,
    )  # fmt: skip
    if not isinstance(here.step, ApprovalDef):
        if not positive:
            record.decisions = [*record.decisions, decision]
            record.state, record.outcome, record.clock = Status.NEGATIVE, "rejected", None
            return "rejected", text, []
        return _commit(state, act.step, decision, now, text)
    record.decisions = [*record.decisions, decision]
    if positive and here.step.form is not None:
        for path, value in answers(state.flow, here.step.form, act.form).items():
            state.facts[path], state.facts_by[path] = value, act.by
        state.ask_anew()
    if policy_verdict(here.step, record, reading(here.step, act.step, state), state) is False:
        record.state, record.outcome = Status.NEGATIVE, "rejected"
        record.end_clock()
    return ("approved" if positive else "rejected"), text, []


def _parties_of(asked: dict[str, list[str]], person: str) -> tuple[str, ...]:
    return tuple(party for party, people in asked.items() if person in people)


def _commit(
    state: DealState, step: StepId, decision: Decision, now: datetime, text: str
) -> tuple[str, str, list[StepId]]:
    """Let a commitment count now, or park it until the machine steps before it are done again (semantics 28)."""
    gate = Gate.MACHINE if state.hold is not None else walk(state.flow, state).gates.get(step, Gate.CLEAR)
    if gate is Gate.CLEAR:
        land(state, step, decision, now)
        return "accepted", text, [step] if state.record(step).state is Status.RUNNING else []
    record = state.touch(step)
    record.clock = None  # it was answered in time, however long the machine steps take
    state.parked = [*state.parked, Parked(step=step, round=record.round, decision=decision)]
    state.note(now, decision.person, "parked", f"{title(step)}: counts once the steps before it are done again", step)
    return "parked", "received; it counts once the steps before it are done again", []


def _complete(state: DealState, act: acts.Complete, now: datetime) -> tuple[str, str, list[StepId]]:
    record, here = state.touch(act.step), placed(state, act.step)
    path = getattr(here.step, "form", None) if here else None
    if path is not None:
        for fact, value in answers(state.flow, path, act.form).items():
            state.facts[fact], state.facts_by[fact] = value, act.by
        state.ask_anew()
    record.decisions = [*record.decisions, _plain(record.round, act.by, act.channel, now)]
    record.state, record.outcome, record.clock = Status.SETTLED, "done", None
    return _noted(state, act, now, "completed", f"{title(act.step)}: done by {act.by}", act.step)


def _plain(round_: int, person: str, channel: str, now: datetime) -> Decision:
    return Decision(
        parties=(), person=person, verdict="yes", signed={}, round=round_, edition=1, at=now, channel=channel
    )


def _sign(state: DealState, act: acts.Sign, now: datetime) -> tuple[str, str, list[StepId]]:
    record = state.record(act.step)
    decision = Decision(
        parties=tuple(record.asked), person=act.signer, verdict="yes", signed=record.read, round=record.round,
        edition=record.edition, at=now, channel=act.channel, reason=", ".join(act.evidence.values()),
    )  # fmt: skip
    outcome, text, begun = _commit(state, act.step, decision, now, f"{title(act.step)}: signed by {act.signer}")
    return ("signed" if outcome == "accepted" else outcome), text, begun


def _decline(state: DealState, act: acts.Decline, now: datetime) -> tuple[str, str, list[StepId]]:
    record = state.touch(act.step)
    no = _plain(record.round, act.by, act.channel, now).model_copy(update={"verdict": "no", "reason": act.reason})
    record.decisions = [*record.decisions, no]
    record.state, record.outcome, record.clock = Status.NEGATIVE, "declined", None
    return _noted(
        state, act, now, "declined", f"{title(act.step)} declined: {act.reason or 'no reason given'}", act.step
    )


def _inform(state: DealState, act: acts.GiveInformation, now: datetime) -> tuple[str, str, list[StepId]]:
    record = state.touch(act.step)
    assert record.inquiry is not None, act.step
    record.inquiry = record.inquiry.model_copy(update={"answer": act.answer, "answered_by": act.by})
    if record.clock is not None and state.hold is None:
        record.clock.resume(now)
    return _noted(state, act, now, "information given", f"{title(act.step)}: {act.answer}", act.step)


def _recall(state: DealState, act: acts.Recall, now: datetime) -> tuple[str, str, list[StepId]]:
    here = placed(state, act.step)
    assert here is not None, act.step
    names = state.flow.stage_names
    reset(state, here.stage.name, here.stage.name, f"recalled by {act.by}", now)
    stage, exhausted, clock = here.stage.name, "", Clock()
    if state.revise is not None:
        stage, exhausted = min(stage, state.revise.stage, key=names.index), state.revise.exhausted
    if state.hold is not None:
        clock.stop(now)
    reason = f"{title(act.step)} recalled" + (f": {act.reason}" if act.reason else "")
    state.revise = Revise(stage=stage, reasons=[reason], since=now, exhausted=exhausted, clock=clock)
    return _noted(state, act, now, "recalled", reason, act.step)


def _hold(state: DealState, act: acts.HoldDeal, now: datetime) -> tuple[str, str, list[StepId]]:
    state.hold = Hold(reason=act.reason, by=act.by, at=now, until=act.until)
    state.stop_clocks(now)
    return _noted(state, act, now, "hold", f"on hold: {act.reason}")


def _incident(
    state: DealState, act: acts.Retry | acts.ChangeInput | acts.Skip | acts.CompleteByHand, now: datetime
) -> tuple[str, str, list[StepId]]:
    record = state.touch(act.step)
    here = placed(state, act.step)
    name = title(act.step)
    match act:
        case acts.Retry() if record.incident is not None and record.incident.kind == NOBODY:
            record.resolved = False  # `record` looks again, and opens it where it stood
            return _noted(state, act, now, "retried", f"{name}: looking again for who may answer", act.step)
        case acts.Retry() if record.unconfirmed or (
            record.op and here is not None and isinstance(here.step, HandoffDef)
        ):
            begin_again(state, act.step, record.op or "do", now, act.by)
            return "retried", f"{name} is tried again", [act.step]
        case acts.Retry() | acts.ChangeInput():
            if isinstance(act, acts.ChangeInput):
                record.override = {**record.override, **act.inputs}
            record.state, record.incident = Status.VOID, None
            return _noted(state, act, now, "retried", f"{name} is tried again", act.step)
    if isinstance(act, acts.CompleteByHand) and record.op == "undo":
        record.state, record.live, record.unconfirmed, record.incident = Status.VOID, None, False, None
        return _noted(state, act, now, "undone", f"{name} undone by hand: {act.evidence}", act.step)
    how: str = "skipped" if isinstance(act, acts.Skip) else "by hand"
    reason = act.reason if isinstance(act, acts.Skip) else act.evidence
    for path, value in act.outputs.items():
        state.facts[path], state.facts_by[path] = value, act.by
    state.ask_anew()
    assert here is not None, act.step
    now_read = reading(here.step, act.step, state)
    if isinstance(act, acts.CompleteByHand):
        record.live = ExternalRef(id=act.reference or act.evidence)
        record.read = now_read
    record.kept = Kept(how=how, reading=now_read, reason=reason, by=act.by, at=now)
    record.state, record.incident, record.unconfirmed = Status.SETTLED, None, False
    record.outcome = "skipped by a person" if how == "skipped" else "done by hand"
    state.note(now, act.by, record.outcome, f"{name} {record.outcome}: {reason}", act.step, reason=reason)
    return record.outcome, f"{name} {record.outcome}", []


def _answer(state: DealState, act: acts.Answer, now: datetime) -> tuple[str, str, list[StepId]]:
    name, begun = title(act.step), list[StepId]()
    record = state.records.get(act.step)
    here = state.flow.steps.get(base(act.step))
    because = f", {act.reason}" if act.reason else ""
    text = f"{name}: {act.choice.replace('_', ' ')}{because}"
    state.note(now, act.by, "answered", text, act.step, question=act.question, choice=act.choice, reason=act.reason)
    current = reading(here.step, act.step, state) if here else {}
    kept_as = {"differs": "differs", "surplus": "surplus", "packet": "waived"}.get(act.question, "continued")
    match act.choice:
        case "keep" | "waive" | "continue" if record is not None or here is not None:
            record = state.touch(act.step)
            record.kept = Kept(how=kept_as, reading=current, reason=act.reason, by=act.by, at=now)
            if act.choice == "continue" or kept_as == "differs":
                record.state = Status.SETTLED
        case "by_hand" if record is not None:
            record.read, record.state = current, Status.SETTLED
        case "undo" | "redo":
            begin_again(state, act.step, "undo", now, act.by)
            begun = [act.step]
        case "again" if record is not None:
            record.state, record.outcome, record.reason = Status.VOID, "", "asked once more"
        case "send_back":
            _owner_sends_back(state, act, now)
        case "once_more" if state.revise is not None:
            state.sent_back[state.revise.exhausted] = max(0, state.sent_back.get(state.revise.exhausted, 1) - 1)
            state.revise.exhausted = ""
        case "end":
            ending = getattr(here.step, "ending", None) if here else None
            end(state, ending or Ending(outcome="lost", reason=act.reason), now, act.by)
    state.questions.pop(f"{act.step}?{act.question}", None)
    return act.choice, f"{name}: {act.choice.replace('_', ' ')}", begun


def _owner_sends_back(state: DealState, act: acts.Answer, now: datetime) -> None:
    here = placed(state, act.step)
    assert here is not None, act.step
    reset(state, act.to_stage, here.stage.name, f"sent back to {act.to_stage}", now)
    state.sent_back[here.stage.name] = state.sent_back.get(here.stage.name, 0) + 1
    state.revise = Revise(stage=act.to_stage, reasons=[act.reason or f"{title(act.step)} {act.question}"], since=now)


def silence(state: DealState, step: StepId, verdict: str, now: datetime) -> None:
    """Let a request be decided by silence; such decisions are marked for ever (semantics 35)."""
    record, here = state.touch(step), placed(state, step)
    asked = approvers(here.step, state) if here and isinstance(here.step, ApprovalDef) else ()
    if verdict == "approve":
        decision = Decision(
            parties=tuple(who_key(who) for who in asked), person="silence", verdict="yes", signed=record.read,
            round=record.round, edition=record.edition, at=now, by_silence=True, channel="clock",
        )  # fmt: skip
        record.decisions = [*record.decisions, decision]
        if not asked:
            record.state, record.outcome = Status.SETTLED, "done by silence"
    else:
        record.state, record.outcome = Status.NEGATIVE, "rejected" if verdict == "reject" else "expired"
    record.clock = None
    state.note(now, "silence", "silence", f"{title(step)}: nobody answered in time; {verdict}", step, verdict=verdict)
