"""What each step would read at this moment; comparing it with what it did read says what is stale."""

from __future__ import annotations

from models.asking import chosen
from models.deal import DealState, Record, Status, base
from models.flow import (
    ApprovalDef,
    CallDef,
    HandoffDef,
    RenderDef,
    SignatureDef,
    Step,
    StepId,
    SubflowDef,
    WaitDef,
)
from models.rules import all_hold
from models.values import Digest, Items, Reading, Value

DOCUMENT = "document:"


def reading(step: Step, step_id: StepId, state: DealState) -> Reading:
    """Return what `step` (this instance of it) would read now."""
    match step:
        case ApprovalDef():
            return _named(step.covered, state)
        case CallDef() | SubflowDef():
            return _inputs(step, step_id, state)
        case RenderDef():
            return _template(step, state)
        case SignatureDef():
            return _named((DOCUMENT + step.document,), state)
        case HandoffDef():
            return _packet(step, state)
        case WaitDef() if step.until_date is not None:
            return _named((step.until_date,), state)
        case _:
            return {}


def same(step: Step, read: Reading, now: Reading, state: DealState) -> bool:
    """Return whether a step read what it would read now; facts that are read once do not count (semantics 4)."""
    return read == now or _tracked(step, read, state) == _tracked(step, now, state)


def _tracked(step: Step, read: Reading, state: DealState) -> Reading:
    paths = step.inputs if isinstance(step, CallDef | SubflowDef) else {}
    specs = state.flow.facts
    return {n: v for n, v in read.items() if (spec := specs.get(paths.get(n, n))) is None or spec.tracked}


def document(name: str, state: DealState) -> Value | None:
    """Return the current version of a document: what its last due render made."""
    found: Value | None = None
    for placed in state.flow.renders.get(name, ()):
        made = state.record(placed.step.id).document
        if made is not None and all_hold(placed.rules, state.facts, state.rates) is not False:
            found = made
    return found


def missing_inputs(step: CallDef | SubflowDef, step_id: StepId, state: DealState) -> list[str]:
    """Return the facts that must be set before `step` can start."""
    given = reading(step, step_id, state)
    if isinstance(step, SubflowDef):
        return [path for name, path in step.inputs.items() if name not in given]
    spec = state.flow.actions[step.action]
    return [step.inputs.get(name, name) for name, needed in spec.inputs.items() if needed and name not in given]


def missing_packet(step: HandoffDef, state: DealState) -> list[str]:
    """Return what the packet lacks, in the reader's words."""
    spec = state.flow.packets.get(step.packet)
    given = reading(step, step.id, state)
    return [] if spec is None else [field.label for field in spec.fields if field.label not in given]


def touches(step: Step, state: DealState) -> set[str]:
    """Return the facts and `document:` names that a change must reach to make `step` stale."""
    match step:
        case ApprovalDef():
            return set(step.covered)
        case CallDef() | SubflowDef():
            item = {step.each} if step.each else set()
            return {*step.inputs.values(), *item}
        case RenderDef():
            name = chosen(step.template, state.facts, state.rates)
            spec = state.flow.templates.get(name or "")
            return set(spec.variables) if spec else set()
        case SignatureDef():
            return {DOCUMENT + step.document}
        case HandoffDef():
            packet = state.flow.packets.get(step.packet)
            fields = packet.fields if packet else ()
            return {f.fact for f in fields if f.fact} | {DOCUMENT + f.document for f in fields if f.document}
        case _:
            return set()


def signed_so_far(record: Record) -> bool:
    """Return whether at least one signer has signed what this record asks for."""
    return record.state is Status.SETTLED or any(d.round == record.round for d in record.decisions)


def _named(names: object, state: DealState) -> Reading:
    found: Reading = {}
    for name in names:  # type: ignore[attr-defined]
        value = document(name.removeprefix(DOCUMENT), state) if name.startswith(DOCUMENT) else state.facts.get(name)
        if value is not None:
            found[name] = value
    return found


def _inputs(step: CallDef | SubflowDef, step_id: StepId, state: DealState) -> Reading:
    given = {name: state.facts[path] for name, path in step.inputs.items() if path in state.facts}
    if step.each is not None and step_id != base(step_id):
        key = step_id[len(step.id) + 1 : -1]
        items = state.facts.get(step.each)
        found = [i.digest for i in items.items if i.key == key] if isinstance(items, Items) else []
        given["item"] = Digest(sha256=found[0] if found else "", label=key)
    return given | state.record(step_id).override


def _template(step: RenderDef, state: DealState) -> Reading:
    name = chosen(step.template, state.facts, state.rates)
    if name is None or name not in state.flow.templates:
        return {}
    given = _named(state.flow.templates[name].variables, state)
    if name in state.templates:
        given["template"] = Digest(sha256=state.templates[name], label=name)
    return given


def _packet(step: HandoffDef, state: DealState) -> Reading:
    spec = state.flow.packets.get(step.packet)
    found: Reading = {}
    for field in spec.fields if spec else ():
        value = document(field.document, state) if field.document else state.facts.get(field.fact or "")
        if value is not None:
            found[field.label] = value
    return found
