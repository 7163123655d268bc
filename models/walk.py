"""What must happen now: the one pure function behind running, plan, preview, picture and explain."""

from __future__ import annotations

from typing import Literal

from models.approval import satisfied, worse
from models.asking import Choice
from models.deal import DealState, Record, Status, instances
from models.flow import (
    ApprovalDef,
    CallDef,
    EndDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    RenderDef,
    SequenceDef,
    SignatureDef,
    StageDef,
    Step,
    StepId,
    SubflowDef,
    TaskDef,
    WaitDef,
    WhenDef,
    choice_rules,
    commits,
    own_rules,
    route,
    stage_rules,
)
from models.moves import Close, End, Ended, Gate, Open, Refresh, Route, Skip, Start, Void, Walk
from models.parties import looked_up, tables_of
from models.reading import missing_inputs, missing_packet, reading, same
from models.rules import Rule, all_hold, holds, unset
from models.values import Reading


def walk(flow: FlowDef, state: DealState) -> Walk:
    """Return the moves due now, the questions to people, and what stands before each step. Changes nothing."""
    found = Walk(state)
    if state.ended:
        return found
    if state.ending is not None:
        return _closing(found)
    gate = Gate.CLEAR
    for stage in flow.stages:
        if state.revise is not None and state.revise.stage == stage.name:
            gate = Gate.PEOPLE
        gate = _stage(found, stage, gate)
        if gate > Gate.CLEAR and not found.stage:
            found.stage = stage.name
    if state.revise is not None and state.revise.exhausted:
        found.questions.append((state.revise.stage, "exhausted"))
    if state.hold is not None:  # semantics 44: nothing starts or routes
        found.moves, found.questions = [m for m in found.moves if isinstance(m, Refresh)], []
    elif found.noes:
        closing = [m for m in found.moves if isinstance(m, Void | Skip)]
        found.moves = [*closing, Route(tuple(found.noes))]
    elif any(isinstance(move, End) for move in found.moves):  # semantics 49: nothing starts beside an ending
        found.moves = [m for m in found.moves if not isinstance(m, Open | Start)]
    elif gate is Gate.CLEAR and not (found.moves or found.questions or state.busy or state.parked):
        found.moves = [End(flow.completes)]
    return found


def stands(step: Step, record: Record, now: Reading, state: DealState) -> bool:
    """Return whether what came of `step` still holds (the table of semantics, Step kinds)."""
    kept = record.kept
    if record.state is Status.SETTLED and kept is not None and kept.how in ("continued", "skipped"):
        # An approval passed in spite of a no stands only while nothing it covers gets worse (semantics 31).
        return not isinstance(step, ApprovalDef) or not worse(step.covered, kept.reading, now)
    match step:
        case EndDef():
            return False
        case ApprovalDef():
            fixed = not isinstance(step.by, Choice) and not tables_of(step)
            if record.state is Status.SETTLED and record.read == now and fixed:
                return True  # nothing it read has changed since its policy was found to hold
            return record.state is not Status.NEGATIVE and satisfied(step, record, now, state)
        case WaitDef() if step.until is not None:
            return holds(step.until, state.facts, state.rates) is True
        case TaskDef():
            return record.state is Status.SETTLED
    if record.state is not Status.SETTLED or record.lapsed:
        return False
    if isinstance(step, CallDef) and state.flow.actions[step.action].on_change == "keep":
        return True
    if isinstance(step, SubflowDef) and step.detach:
        return True
    return same(step, record.read, now, state) or (kept is not None and same(step, kept.reading, now, state))


def undecided(step: Step, rules: tuple[Rule, ...], state: DealState) -> list[str]:
    """Return the facts whose absence keeps `step` from being decided or started."""
    every = (*rules, *choice_rules(step))
    if isinstance(step, CallDef | SubflowDef):
        return unset(rules, state.facts, state.rates) or missing_inputs(step, step.id, state)
    return unset(every, state.facts, state.rates) or _unknown_rows(step, state)


def _unknown_rows(step: Step, state: DealState) -> list[str]:
    """Return the facts without which a rule table does not say whom it names."""
    unknown = [table for table in tables_of(step) if looked_up((table,), state) is None]
    rules = tuple(row.when for table in unknown for row in table.rows if row.when is not None)
    return unset(rules, state.facts, state.rates)


def _stage(found: Walk, stage: StageDef, gate: Gate) -> Gate:
    advice: list[tuple[Step, tuple[Rule, ...], Gate]] = []
    here = gate
    for node in stage.nodes:
        here = _visit(found, stage, node, here, stage_rules(stage), advice)
    own = _own_part(here, gate)
    for step, rules, before in advice:
        _advise(found, step, all_hold(rules, found.state.facts, found.state.rates), before, own)
    return here


def _own_part(here: Gate, before: Gate) -> Gate:
    """Return whether the rest of a stage is settled; something earlier that is not leaves it open."""
    return here if before is Gate.CLEAR else Gate.PEOPLE


def _visit(
    found: Walk,
    stage: StageDef,
    node: Node,
    gate: Gate,
    rules: tuple[Rule, ...],
    advice: list[tuple[Step, tuple[Rule, ...], Gate]],
) -> Gate:
    match node:
        case SequenceDef():  # in order: each sees what stands before it
            for child in node.nodes:
                gate = _visit(found, stage, child, gate, rules, advice)
            return gate
        case WhenDef():
            for child in node.nodes:
                gate = _visit(found, stage, child, gate, (*rules, node.rule), advice)
            for child in node.otherwise:
                gate = _visit(found, stage, child, gate, (*rules, ~node.rule), advice)
            return gate
        case ParallelDef():  # together: every branch sees what stood before the group
            before, found.noes = found.noes, []
            left = max((_visit(found, stage, b, gate, rules, advice) for b in node.branches), default=gate)
            heard = found.noes if left <= Gate.NO or not node.wait_all else []
            found.noes = [*before, *heard]
            return max(gate, left)
    every = (*rules, *own_rules(node))
    if isinstance(node, ApprovalDef | TaskDef | WaitDef) and node.advisory:
        advice.append((node, every, gate))
        found.gates[node.id] = gate
        return gate
    return max(gate, _instances(found, stage, node, gate, every))


def _instances(found: Walk, stage: StageDef, step: Step, gate: Gate, rules: tuple[Rule, ...]) -> Gate:
    """Consider a step, or each of its instances side by side; settled when all are."""
    due = all_hold(rules, found.state.facts, found.state.rates) if rules else True
    if not (isinstance(step, CallDef | SubflowDef) and step.each is not None):
        found.gates[step.id] = gate
        return _consider(found, stage, step, step.id, gate, due, rules)
    if due is not False:
        known = step.each in found.state.facts and not undecided(step, rules, found.state)
        due = due if known else None
    left = Gate.CLEAR
    ids = list(instances(step, found.state))
    if not ids and due is None:
        ids = [(step.id, True)]
    for step_id, exists in ids:
        found.gates[step_id] = gate
        left = max(left, _consider(found, stage, step, step_id, gate, due if exists else False, rules))
    return left


def _consider(
    found: Walk, stage: StageDef, step: Step, step_id: StepId, gate: Gate, due: bool | None, rules: tuple[Rule, ...]
) -> Gate:
    state = found.state
    record = state.record(step_id)
    if record.state is Status.RUNNING:
        return Gate.MACHINE
    if record.state is Status.INCIDENT:
        return _incident(found, record, step_id, due)
    if record.state is Status.OPEN and commits(step) and gate is Gate.PEOPLE and due is not False:
        found.moves.append(Void(step_id, "content changed"))  # people are asked again before it (semantics 28)
        return gate
    if due is None:
        if gate is Gate.CLEAR:
            found.questions.append((step_id, "missing"))
        return gate or Gate.PEOPLE
    if due is False:
        return _not_due(found, record, step_id)
    now = reading(step, step_id, state)
    if stands(step, record, now, state):
        if record.state is not Status.SETTLED:
            found.moves.append(Close(step_id, now))
        return Gate.CLEAR
    if record.state is Status.NEGATIVE:
        if route(step, stage, record.outcome) is None:
            found.questions.append((step_id, "decide"))
            return Gate.PEOPLE
        found.noes.append(step_id)
        return Gate.NO
    if record.state is Status.OPEN:
        _keep_open(found, step, step_id, gate, now)
        return Gate.PEOPLE
    if gate is not Gate.CLEAR:
        return gate  # its turn has not come
    return _begin(found, step, step_id, now, rules)


def _incident(found: Walk, record: Record, step_id: StepId, due: bool | None) -> Gate:
    # Nothing live or unknown outside and no longer due: it closes itself (semantics 17).
    if due is False and record.live is None and not record.unconfirmed:
        found.moves.append(Void(step_id, "no longer needed"))
        return Gate.CLEAR
    return Gate.PEOPLE


def _not_due(found: Walk, record: Record, step_id: StepId) -> Gate:
    if record.state in (Status.OPEN, Status.NEGATIVE):
        found.moves.append(Void(step_id, "no longer needed"))
    elif record.live is not None and (record.kept is None or record.kept.how != "surplus"):
        found.questions.append((step_id, "surplus"))
    elif record.state is Status.NEW:
        found.moves.append(Skip(step_id))
    return Gate.CLEAR


def _keep_open(found: Walk, step: Step, step_id: StepId, gate: Gate, now: Reading) -> None:
    record = found.state.record(step_id)
    if commits(step) and content_changed(step, record, now, found.state):
        found.moves.append(Void(step_id, "content changed"))
    elif not same(step, record.read, now, found.state) and not (commits(step) and gate is not Gate.CLEAR):
        found.moves.append(Refresh(step_id, now))


def content_changed(step: Step, record: Record, now: Reading, state: DealState) -> bool:
    """Return whether an open request to commit is about something that is no longer so (semantics 28)."""
    if isinstance(step, SignatureDef):
        renders = [
            placed.step
            for placed in state.flow.renders.get(step.document, ())
            if all_hold(placed.rules, state.facts, state.rates) is not False
        ]
        if any(not stands(s, state.record(s.id), reading(s, s.id, state), state) for s in renders):
            return True
    return not same(step, record.read, now, state)


def _begin(found: Walk, step: Step, step_id: StepId, now: Reading, rules: tuple[Rule, ...]) -> Gate:
    state, record = found.state, found.state.record(step_id)
    if isinstance(step, EndDef):
        late = _committed(state)
        if late:
            found.questions.append((step_id, "ending"))
        else:
            found.moves.append(End(step.ending))
        return Gate.PEOPLE
    if undecided(step, rules, state):
        found.questions.append((step_id, "missing"))
        return Gate.PEOPLE
    if (
        isinstance(step, HandoffDef)
        and missing_packet(step, state)
        and (record.kept is None or record.kept.how != "waived")
    ):
        found.questions.append((step_id, "packet"))
        return Gate.PEOPLE
    if isinstance(step, CallDef):
        spec = state.flow.actions[step.action]
        if record.live is not None and spec.on_change == "ask":
            found.questions.append((step_id, "differs"))
            return Gate.PEOPLE
        op: Literal["do", "again", "amend"] = "amend" if record.live is not None else "do" if step.effect else "again"
        found.moves.append(Start(step_id, op, now))
        return Gate.MACHINE
    if isinstance(step, SubflowDef) and record.live is not None:
        found.questions.append((step_id, "differs"))
        return Gate.PEOPLE
    if isinstance(step, RenderDef | SubflowDef):
        found.moves.append(Start(step_id, "do" if isinstance(step, SubflowDef) else "again", now))
        return Gate.MACHINE
    found.moves.append(Open(step_id, now))
    return Gate.PEOPLE


def _committed(state: DealState) -> bool:
    """Return whether a signature or an outside effect stands: an ending by rule then needs a person (semantics 10)."""
    signed = any(
        isinstance(p.step, SignatureDef) and state.record(i).state is Status.SETTLED
        for i, p in state.flow.steps.items()
    )
    return signed or any(record.live is not None for record in state.records.values())


def _advise(found: Walk, step: Step, due: bool | None, before: Gate, rest: Gate) -> None:
    """An advisory step is asked when reached, holds nothing up, and closes with its stage (semantics 19)."""
    record = found.state.record(step.id)
    now = reading(step, step.id, found.state)
    if record.state is Status.OPEN:
        if due is False:
            found.moves.append(Void(step.id, "no longer needed"))
        elif stands(step, record, now, found.state):
            found.moves.append(Close(step.id, now))
        elif rest is Gate.CLEAR:
            found.moves.append(Void(step.id, "passed by"))
        elif not same(step, record.read, now, found.state):
            found.moves.append(Refresh(step.id, now))
    elif record.state is Status.NEGATIVE:
        found.moves.append(Close(step.id, now))
    elif record.state is Status.NEW and due is False:
        found.moves.append(Skip(step.id))
    elif record.state in (Status.NEW, Status.SKIPPED) and due and before is Gate.CLEAR and rest is not Gate.CLEAR:
        found.moves.append(Open(step.id, now))


def _closing(found: Walk) -> Walk:
    """Return what is left to do while the deal ends (semantics 49)."""
    state = found.state
    for step_id, record in state.records.items():
        stuck = record.state is Status.INCIDENT and not record.unconfirmed
        if record.state in (Status.OPEN, Status.NEGATIVE) or stuck:
            found.moves.append(Void(step_id, "the deal is ending"))
    if not found.moves and not state.busy:
        found.moves.append(Ended())
    return found
