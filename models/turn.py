"""Doing what a walk found: moves change records and write the journal; nothing here touches the world."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from models.asking import Back, Continue, Ending
from models.deal import (
    Clock,
    DealState,
    Decision,
    Hold,
    Incident,
    Kept,
    Question,
    Record,
    Revise,
    Status,
    base,
    placed,
)
from models.flow import (
    ApprovalDef,
    CallDef,
    HandoffDef,
    SignatureDef,
    StageDef,
    StepId,
    SubflowDef,
    TaskDef,
    WaitDef,
    route,
)
from models.moves import Close, End, Ended, Gate, Move, Open, Refresh, Route, Skip, Start, Void, Walk
from models.parties import tables_of
from models.reasons import because, question_words
from models.rules import holds, printed
from models.values import Digest
from models.walk import walk

SYSTEM = "throughline"
STARTED = {"do": "started", "again": "started", "amend": "is being changed outside", "undo": "is being undone outside"}


def turn(state: DealState, now: datetime) -> list[StepId]:
    """Walk and perform until no move is left; return the steps whose actions are to be started.

    Bounded: a definition that never comes to rest puts the deal on hold, naming the moves.
    """
    begun: list[StepId] = []
    for _ in range(4 * len(state.flow.steps) + 10):
        found = walk(state.flow, state)
        if not found.moves:
            if state.hold is None and (landed := unpark(state, found, now)) is not None:
                begun += landed
                continue
            if state.hold is None:
                _ask(state, found, now)
            return begun
        for move in found.moves:
            begun += perform(state, move, now)
    names = ", ".join(type(m).__name__.lower() + " " + getattr(m, "step", "") for m in found.moves)
    state.hold = Hold(reason=f"the flow does not come to rest: {names}", by=SYSTEM, at=now)
    state.note(now, SYSTEM, "hold", state.hold.reason)
    return begun


def perform(state: DealState, move: Move, now: datetime) -> list[StepId]:
    """Carry out one move; return the steps begun."""
    match move:
        case Open():
            return _open(state, move, now)
        case Start():
            return _start(state, move, now)
        case Refresh():
            record = state.touch(move.step)
            record.read, record.edition = move.reading, record.edition + 1
            record.editions = [*record.editions, move.reading]
            record.proposed = None  # an override proposed for other content has to be proposed anew
            record.printed = because(state, move.step)
            record.resolved = False  # whom it is asked of may depend on what changed
            if isinstance(state.flow.steps[move.step].step, WaitDef):
                record.clock = Clock()  # another date is another deadline
            state.note(now, SYSTEM, "refreshed", f"{title(move.step)}: the content changed", move.step)
        case Void():
            _void(state, move.step, move.why, now)
        case Close():
            _close(state, move, now)
        case Skip():
            record = state.touch(move.step)
            record.state, record.printed = Status.SKIPPED, because(state, move.step)
            state.note(now, SYSTEM, "skipped", f"{title(move.step)} skipped: {record.printed}", move.step)
        case Route():
            _route(state, move, now)
        case End():
            end(state, move.ending, now, SYSTEM)
        case Ended():
            state.ended = True
            state.note(now, SYSTEM, "ended", f"the deal ended {state.ending}")
        case _:
            assert_never(move)
    return []


def end(state: DealState, ending: Ending, now: datetime, by: str) -> None:
    """Let the deal end: from now on nothing starts (semantics 49)."""
    state.ending = ending
    state.revise, state.hold, state.parked = None, None, []
    state.questions = {}
    state.note(now, by, "ending", f"the deal ends {ending}", outcome=ending.outcome, reason=ending.reason)


def begin_again(state: DealState, step: StepId, op: str, now: datetime, by: str) -> None:
    """Let a step's action run outside the walk's order: a retry, or the undo a person chose."""
    record = state.touch(step)
    if op == "undo" or not record.unconfirmed:
        record.revision += 1
    record.op = op  # type: ignore[assignment]
    record.unconfirmed = record.unconfirmed or _is_effect(state, step)
    record.state, record.incident, record.since = Status.RUNNING, None, now
    state.note(now, by, "started", f"{title(step)}: {STARTED[op]}", step, op=op, effect_revision=record.revision)


def fail(state: DealState, step: StepId, incident: Incident, now: datetime) -> None:
    """Stop a step with an incident."""
    record = state.touch(step)
    if record.state is not Status.OPEN:  # a request that gets stuck was asked when it was asked
        record.since = now
    record.state, record.incident = Status.INCIDENT, incident
    state.note(now, SYSTEM, "incident", f"{title(step)}: {incident.message}", step, incident=incident.kind)


def title(step: StepId) -> str:
    """Return a step's name as people say it: "discount", "create sales order"."""
    kind, _, name = step.partition(":")
    words = (name or kind).replace("_", " ").replace("-", " ")
    return {"render": f"render {words}", "signature": f"signature of {words}", "handoff": f"handoff {words}"}.get(
        kind, words
    )


def unpark(state: DealState, found: Walk, now: datetime) -> list[StepId] | None:
    """Let one parked answer count once only settled steps stand before it, or drop it when its request is gone.

    Returns the steps begun by it, or None when no parked answer can move.
    """
    for parked in list(state.parked):
        record = state.record(parked.step)
        if record.state is not Status.OPEN or record.round != parked.round:
            state.parked.remove(parked)
            state.note(now, SYSTEM, "dropped", f"{title(parked.step)}: the request it answered is gone", parked.step)
            return []
        if found.gates.get(parked.step) is Gate.CLEAR:
            state.parked.remove(parked)
            land(state, parked.step, parked.decision, now)
            return [parked.step] if state.record(parked.step).state is Status.RUNNING else []
    return None


def land(state: DealState, step: StepId, decision: Decision, now: datetime) -> None:
    """Let a signature or an acceptance count: the request is answered."""
    record = state.touch(step)
    record.decisions = [*record.decisions, decision]
    record.clock = None
    here = placed(state, step)
    if here is not None and isinstance(here.step, HandoffDef):
        record.conditions = list(decision.conditions)
        record.outcome = "accepted with conditions" if record.conditions else "accepted"
        # Ownership switches and onboarding starts first; then the step is settled (semantics 53).
        begin_again(state, step, "do", now, decision.person)
        return
    record.state, record.outcome, record.read = Status.SETTLED, "signed", decision.signed
    state.note(now, decision.person, "signed", f"{title(step)}: signed", step, **_evidence(decision))


def _evidence(decision: Decision) -> dict[str, str]:
    documents = [value.sha256 for value in decision.signed.values() if isinstance(value, Digest)]
    return {"channel": decision.channel, "reason": decision.reason, "document": " ".join(documents)}


def _open(state: DealState, move: Open, now: datetime) -> list[StepId]:
    record = state.touch(move.step)
    again = record.round > 0
    unchanged = again and record.read == move.reading
    record.state, record.outcome, record.reason = Status.OPEN, "", ""
    record.round += 1
    record.edition = 1
    record.read, record.since, record.printed = move.reading, now, because(state, move.step)
    record.editions = [move.reading]
    record.asked, record.resolved, record.clock, record.inquiry, record.op = {}, False, Clock(), None, ""
    record.clock_before = None
    record.handed = {}
    # Whoever was asked too is asked too in the next round: what they said there is not forgotten.
    record.stands_in, record.moved, record.proposed, record.nudged_at = {}, [], None, None
    if record.kept is not None and record.kept.how != "waived":
        record.kept = None
    words = " again; nothing it covers has changed" if unchanged else " again" if again else ""
    why = f": {record.printed}" if record.printed else ""
    state.note(now, SYSTEM, "opened", f"{title(move.step)} asked{words}{why}", move.step)
    here = placed(state, move.step)
    for table in tables_of(here.step) if here else ():
        state.tables.setdefault(table.name, now.date().isoformat())
    rule = here.step.accept_when if here and isinstance(here.step, HandoffDef) else None
    if rule is not None and holds(rule, state.facts, state.rates):
        by_rule = Decision(
            parties=(),
            person=SYSTEM,
            verdict="yes",
            signed=move.reading,
            round=record.round,
            edition=1,
            at=now,
            reason=printed(rule, state.facts, state.rates),
            channel="rule",
        )
        land(state, move.step, by_rule, now)
        return [move.step]
    return []


def _start(state: DealState, move: Start, now: datetime) -> list[StepId]:
    record = state.touch(move.step)
    effect = _is_effect(state, move.step)
    if not record.unconfirmed:  # a retry keeps its revision and what it read (semantics 37)
        record.revision += 1
        record.read = move.reading
    record.op, record.unconfirmed, record.lapsed = move.op, effect, False
    record.state, record.since, record.kept, record.outcome = Status.RUNNING, now, None, ""
    record.printed = because(state, move.step)
    state.note(
        now,
        SYSTEM,
        "started",
        f"{title(move.step)}: {STARTED[move.op]}",
        move.step,
        op=move.op, effect_revision=record.revision,
    )  # fmt: skip
    return [move.step]


def _void(state: DealState, step: StepId, why: str, now: datetime) -> None:
    record = state.touch(step)
    record.state, record.reason, record.incident = Status.VOID, why, None
    record.end_clock()
    for parked in [p for p in state.parked if p.step == step]:
        state.parked.remove(parked)
        state.note(
            now, SYSTEM, "dropped", f"{title(step)}: the answer of {parked.decision.person} no longer applies", step
        )
    state.note(now, SYSTEM, "void", f"{title(step)} closed: {why}", step, why=why)


def _close(state: DealState, move: Close, now: datetime) -> None:
    record = state.touch(move.step)
    asked = record.state in (Status.OPEN, Status.NEGATIVE)
    record.outcome = record.outcome or ("approved" if move.step.startswith("approval:") else "met")
    record.state, record.read = Status.SETTLED, move.reading
    record.end_clock()
    record.printed = record.printed or because(state, move.step)
    words = record.outcome if asked else f"{record.outcome} already; stands"
    state.note(now, SYSTEM, "settled", f"{title(move.step)} {words}", move.step, outcome=record.outcome)


def _route(state: DealState, move: Route, now: datetime) -> None:
    """Follow negative outcomes: an ending beats a stage, an earlier stage a later one (semantics 18)."""
    sent: list[tuple[StepId, StageDef, str]] = []
    for step_id in move.noes:
        here = placed(state, step_id)
        assert here is not None, step_id
        record = state.touch(step_id)
        target = route(here.step, here.stage, record.outcome)
        match target:
            case Ending():
                record.state = Status.VOID
                end(state, target, now, SYSTEM)
                return
            case Continue():
                record.state = Status.SETTLED
                record.kept = Kept(how="continued", reading=record.read, reason=record.outcome, by=SYSTEM, at=now)
                state.note(now, SYSTEM, "continued", f"{title(step_id)} {record.outcome}; the flow goes on", step_id)
            case Back():
                sent.append((step_id, here.stage, _asked_stage(record, target.stage, state)))
            case None:
                raise AssertionError(f"{step_id} has no route; walk asks the owner instead")
    if sent:
        _send_back(state, sent, now)


def _asked_stage(record: Record, default: str, state: DealState) -> str:
    """Return the stage an approver chose when asking for changes, else the route's (semantics 20)."""
    wished = [d.to_stage for d in record.decisions if d.round == record.round and d.to_stage]
    return wished[-1] if wished and wished[-1] in state.flow.stage_names else default


def _send_back(state: DealState, sent: list[tuple[StepId, StageDef, str]], now: datetime) -> None:
    names = state.flow.stage_names
    target = min((stage for _, _, stage in sent), key=names.index)
    last = max((stage.name for _, stage, _ in sent), key=names.index)
    exhausted = ""
    for sender in {stage.name: stage for _, stage, _ in sent}.values():
        state.sent_back[sender.name] = state.sent_back.get(sender.name, 0) + 1
        if state.sent_back[sender.name] > sender.max_rework:
            if sender.on_exhausted is not None:
                end(state, sender.on_exhausted, now, SYSTEM)
                return
            exhausted = sender.name
    reasons = [_reason(state, step_id) for step_id, _, _ in sent]
    reset(state, target, last, f"sent back to {target}", now)
    stage = state.flow.stage(target)
    first = stage.nodes[0] if stage.nodes else None
    if not (isinstance(first, TaskDef) and first.every_round) or exhausted:
        if state.revise is not None:
            target = min(target, state.revise.stage, key=names.index)
            reasons = [*state.revise.reasons, *reasons]
        senders = (*(state.revise.by if state.revise else ()), *(step_id for step_id, _, _ in sent))
        state.revise = Revise(stage=target, reasons=reasons, since=now, by=senders, exhausted=exhausted)
    state.note(now, SYSTEM, "rework", f"sent back to {target}: {'; '.join(reasons)}", to_stage=target, reasons=reasons)


def reset(state: DealState, target: str, sender: str, why: str, now: datetime) -> None:
    """Close negatives and, from `target` on, open requests to answer; reset `every_round` steps up to `sender`."""
    names = state.flow.stage_names
    for step_id, record in list(state.records.items()):  # instances of a step with `each` among them
        here = placed(state, step_id)
        if here is None:
            continue
        at = names.index(here.stage.name)
        if at < names.index(target):
            continue
        answers = isinstance(here.step, ApprovalDef | SignatureDef | HandoffDef)
        if record.state is Status.NEGATIVE or (record.state is Status.OPEN and answers):
            _void(state, step_id, why, now)
        every = isinstance(here.step, ApprovalDef | TaskDef) and here.step.every_round
        if every and at <= names.index(sender) and record.state is Status.SETTLED:
            record.state, record.decisions, record.reason, record.kept = Status.VOID, [], why, None


def _reason(state: DealState, step_id: StepId) -> str:
    record = state.record(step_id)
    given = [d.reason for d in record.decisions if d.round == record.round and d.verdict == "no" and d.reason]
    return f"{title(step_id)} {record.outcome}" + (f": {given[-1]}" if given else "")


def _ask(state: DealState, found: Walk, now: datetime) -> None:
    """Open the questions this walk asks and close those it no longer does (semantics 48)."""
    wanted = {f"{step}?{kind}": (step, kind) for step, kind in found.questions}
    for key in [k for k in state.questions if k not in wanted]:
        gone = state.questions.pop(key)
        state.note(now, SYSTEM, "question closed", f"{title(gone.step)}: {gone.reason}", gone.step, question=gone.kind)
    for key, (step, kind) in wanted.items():
        reason = question_words(state, step, kind)
        known = state.questions.get(key)
        if known is None:
            state.note(now, SYSTEM, "question", f"{title(step)}: {reason}", step, question=kind)
        if known is None or known.reason != reason:
            state.questions[key] = Question(step=step, kind=kind, reason=reason, since=known.since if known else now)


def _is_effect(state: DealState, step_id: StepId) -> bool:
    here = state.flow.steps.get(base(step_id))
    return here is not None and (
        isinstance(here.step, SubflowDef) or (isinstance(here.step, CallDef) and here.step.effect)
    )
