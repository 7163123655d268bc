"""What a request's page shows: the facts, the rule, what follows each answer, who has answered, what moved."""

from __future__ import annotations

from typing import Any

from models import evidence
from models.acts import CHOICES
from models.asking import Back, Continue, Ending
from models.deal import DealState, Decision, Record, base
from models.evidence import label
from models.facts import FactSpec
from models.flow import ApprovalDef, CallDef, HandoffDef, Placed, SignatureDef, TaskDef, route, writes
from models.offers import CHOICE_LABELS
from models.outcomes import nobody
from models.progress import Wait
from models.reading import DOCUMENT, document, reading
from models.refusals import asked_for
from models.turn import title
from models.values import Digest

_NEEDS_REASON = {"keep", "waive", "by_hand", "end", "continue"}


def prompt(state: DealState, wait: Wait) -> dict[str, Any]:
    """Return the `body` of a request's row, for the page and the messages."""
    here = state.flow.steps.get(base(wait.step)) if wait.step else None
    record = state.record(wait.step or "")
    found: dict[str, Any] = {"asked_by": str(state.facts.get("owner", "")), "facts": _facts(state, here)}
    if wait.kind == "question":
        return found | _question(state, wait)
    if wait.kind == "incident":
        return found | _incident(state, wait, here)
    if wait.kind == "revise":
        return found | {"question": "Revise the deal and resubmit it?", "lead": wait.reason}
    if here is None:
        return found
    found |= {
        "question": _asked(wait, here),
        "rule": evidence.rule(state, here),
        "why": f"{wait.who}: {wait.reason}",
        "follows": _follows(state, here, wait),
        "answers": _answers(state, here, record),
        "documents": _documents(state, here),
        "stages": list(state.flow.stage_names[: state.flow.stage_names.index(here.stage.name) + 1]),
    }
    found |= _since_answers(here, record) | _steering(state, here, record)
    form = getattr(here.step, "form", None)
    if form is not None:
        found["form"] = dict(state.flow.forms.get(form, {}))
    if isinstance(here.step, HandoffDef):
        found["packet"] = _packet(state, here.step)
    if record.inquiry is not None and not record.inquiry.answer:
        found |= {"question_asked": record.inquiry.question, "question_by": record.inquiry.by}
    return found


def _steering(state: DealState, here: Placed, record: Record) -> dict[str, Any]:
    """Who is asked and how that can be changed, the clock, and the limits the step watches."""
    found: dict[str, Any] = {"asked": evidence.asked(state, here, record), "stands_in": dict(record.stands_in)}
    clock = evidence.clock(state, here, record)
    if clock is not None:
        found["clock"] = clock
    if isinstance(here.step, ApprovalDef):
        found |= {"limits": evidence.limits(state, here, record), "override": here.step.override}
        if record.proposed is not None:
            found["proposed"] = record.proposed.model_dump(mode="json")
    if record.nudged_at is not None:
        found["nudged_at"] = record.nudged_at.isoformat()
    return found


def _asked(wait: Wait, here: Placed) -> str:
    match here.step:
        case ApprovalDef():
            return f"Approve {wait.title}?"
        case HandoffDef():
            return "Take this deal over into delivery?"
        case SignatureDef():
            return f"Sign the {here.step.document.upper()}?"
        case TaskDef():
            return f"{wait.title.capitalize()}: done?"
    return f"{wait.title.capitalize()}?"


def _facts(state: DealState, here: Placed | None) -> list[dict[str, str]]:
    """The guardrail facts and what the step covers, each with what the rule says of it."""
    covered = list(here.step.covered) if here and isinstance(here.step, ApprovalDef) else []
    guardrails = [path for path, spec in state.flow.facts.items() if spec.guardrail]
    lines = []
    for path in dict.fromkeys([*guardrails, *covered]):
        if path in state.facts and not isinstance(state.facts[path], Digest):
            over = evidence.over(state, path, here.rules if here else ())
            note, tone = (over, "due") if over else ("", "")
            lines.append({"label": label(path), "value": str(state.facts[path]), "note": note, "tone": tone})
    return lines


def _follows(state: DealState, here: Placed, wait: Wait) -> dict[str, str]:
    silence = f"{wait.next.what}" if wait.next else "it stays open"
    return {"yes": _on_yes(state, here), "no": _on_no(state, here), "silence": silence}


def _on_yes(state: DealState, here: Placed) -> str:
    if isinstance(here.step, HandoffDef):
        return "operations own the deal from then on, and the onboarding starts"
    ids = list(state.flow.steps)
    later = ids[ids.index(here.step.id) + 1 :]
    waiting = [i for i in later if state.record(i).state in ("new", "void", "open")]
    upcoming = next((title(i) for i in waiting), None)
    return f"the deal goes on to {upcoming} once everything before it is settled" if upcoming else "the deal goes on"


def _on_no(state: DealState, here: Placed) -> str:
    outcome = "declined" if isinstance(here.step, SignatureDef) else "rejected"
    match route(here.step, here.stage, outcome):
        case Back(stage=stage):
            used = state.sent_back.get(here.stage.name, 0)
            return f"the deal goes back to stage {stage}, rework {used + 1} of {here.stage.max_rework}"
        case Ending() as ending:
            return f"the deal ends {ending}"
        case Continue():
            return "the flow goes on; the answer stays recorded"
        case _:
            return "the owner decides what follows"


def _answers(state: DealState, here: Placed, record: Record) -> list[dict[str, str]]:
    """Who has answered this request, and the other requests of its stage."""
    found = [_answer(d) for d in record.decisions if d.round == record.round]
    for step_id, other in state.flow.steps.items():
        if other.stage.name == here.stage.name and step_id != here.step.id:
            found += [_answer(d, step_id) for d in state.record(step_id).decisions[-2:]]
    if isinstance(here.step, ApprovalDef):
        answered = {d.person for d in record.decisions if d.round == record.round}
        for each in evidence.asked(state, here, record):
            if each["person"] not in answered:
                what = each["words"] + (f", for {each['stands_in']}" if "stands_in" in each else "")
                found.append({"person": each["person"], "what": what, "state": "waiting", "tone": "now"})
    return found


def _answer(decision: Decision, step: str = "") -> dict[str, str]:
    name = step.partition(":")[2]
    word = "approved" if decision.verdict == "yes" else "rejected"
    marks = [
        *([f"for {decision.on_behalf_of}"] if decision.on_behalf_of else []),
        *(["by silence"] if decision.by_silence else []),
        *(["an override by an administrator"] if decision.override else []),
    ]
    said = " ".join([*([name] if name else []), word, *([f"({', '.join(marks)})"] if marks else [])])
    own = {} if step else {"at": decision.at.isoformat(), "channel": decision.channel}
    return {
        "person": decision.person,
        "what": f"{said}: {decision.reason}" if decision.reason else said,
        "state": "overridden" if decision.override else word,
        "tone": "ok" if decision.verdict == "yes" else "late",
        **own,
    }


def _documents(state: DealState, here: Placed) -> list[dict[str, str]]:
    names = dict.fromkeys(n.removeprefix(DOCUMENT) for n in reading(here.step, here.step.id, state) if DOCUMENT in n)
    if isinstance(here.step, HandoffDef):
        packet = state.flow.packets.get(here.step.packet)
        names |= dict.fromkeys(f.document for f in packet.fields if f.document) if packet else {}
    found = [(name, document(name, state)) for name in names]
    return [{"name": name, "sha256": doc.sha256} for name, doc in found if isinstance(doc, Digest)]


def _since_answers(here: Placed, record: Record) -> dict[str, Any]:
    """What moved since each person's last answer, and since the last one of all."""
    before = evidence.differences(here, record)
    if not before:
        return {}
    last = max(before.values(), key=lambda each: str(each["at"]))
    return {"before": before, "difference": last}


def _packet(state: DealState, step: HandoffDef) -> dict[str, Any]:
    spec = state.flow.packets.get(step.packet)
    given = reading(step, step.id, state)
    entries: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    for field in spec.fields if spec else ():
        value = given.get(field.label)
        line = {
            "label": field.label,
            "value": str(value or ""),
            "complete": value is not None,
            "step_hint": field.where,
        }
        (entries if value is not None else missing).append(line)
    total = len(entries) + len(missing)
    percent = 100 * len(entries) // total if total else 100
    return {"title": spec.title if spec else step.packet, "entries": entries, "missing": missing, "percent": percent}


def _question(state: DealState, wait: Wait) -> dict[str, Any]:
    choices = [
        {"choice": c, "label": CHOICE_LABELS[c], "needs_reason": c in _NEEDS_REASON} for c in CHOICES[wait.question]
    ]
    missing = [_field(state.flow.facts[p]) for p in sorted(_lacking(state, wait)) if p in state.flow.facts]
    return {"question": f"{wait.title.capitalize()}: {wait.reason}", "lead": wait.reason, "choices": choices,
            "missing": missing, "question_kind": wait.question}  # fmt: skip


def _lacking(state: DealState, wait: Wait) -> set[str]:
    if wait.question == "missing":
        return asked_for(state)
    here = state.flow.steps.get(base(wait.step or ""))
    if wait.question == "packet" and here is not None and isinstance(here.step, HandoffDef):
        spec = state.flow.packets[here.step.packet]
        return {f.fact for f in spec.fields if f.fact and f.fact not in state.facts}
    return set()


def _incident(state: DealState, wait: Wait, here: Placed | None) -> dict[str, Any]:
    step = here.step if here else None
    inputs = (
        [state.flow.facts[p] for p in step.inputs.values() if p in state.flow.facts]
        if isinstance(step, CallDef)
        else []
    )
    outputs = [p for p in writes(step, state.flow) if p not in state.facts] if step else []
    return {
        "question": f"{wait.title.capitalize()} could not be done: what now?",
        "lead": wait.reason,
        "error": wait.reason,
        "nobody": nobody(state.record(wait.step or "")),
        "inputs_needed": [_field(spec, str(state.facts.get(spec.path, ""))) for spec in inputs],
        "outputs_needed": [_field(state.flow.facts[p]) for p in outputs if p in state.flow.facts],
    }


def _field(spec: FactSpec, value: str = "") -> dict[str, Any]:
    named = spec.label or label(spec.path)
    return {"path": spec.path, "type": spec.type, "label": named, "options": list(spec.options), "value": value}
