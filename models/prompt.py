"""What a request's page shows: the facts, the rule, what follows each answer, who has answered, what moved."""

from __future__ import annotations

from typing import Any

from models.acts import CHOICES
from models.asking import Back, Continue, Ending, who_key, who_words
from models.deal import DealState, Decision, Record, base
from models.facts import FactSpec
from models.flow import ApprovalDef, CallDef, HandoffDef, Placed, SignatureDef, TaskDef, parties, route, writes
from models.offers import CHOICE_LABELS
from models.progress import Wait
from models.reading import DOCUMENT, document, reading
from models.refusals import asked_for
from models.rules import Compare, Direction, Rule, holds, printed, text
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
        "rule": _rule(state, here),
        "why": f"{wait.who}: {wait.reason}",
        "follows": _follows(state, here, wait),
        "answers": _answers(state, here, record),
        "documents": _documents(state, here),
        "stages": list(state.flow.stage_names[: state.flow.stage_names.index(here.stage.name) + 1]),
    }
    moved = _difference(here, record)
    if moved is not None:
        found["difference"] = moved
    form = getattr(here.step, "form", None)
    if form is not None:
        found["form"] = dict(state.flow.forms.get(form, {}))
    if isinstance(here.step, HandoffDef):
        found["packet"] = _packet(state, here.step)
    if record.inquiry is not None and not record.inquiry.answer:
        found |= {"question_asked": record.inquiry.question, "question_by": record.inquiry.by}
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
            over = _over(state, path, here.rules if here else ())
            note, tone = (over, "due") if over else ("", "")
            lines.append({"label": _label(path), "value": str(state.facts[path]), "note": note, "tone": tone})
    return lines


def _over(state: DealState, path: str, rules: tuple[Rule, ...]) -> str:
    hit = [
        text(term)
        for rule in rules
        for term in _terms(rule)
        if isinstance(term, Compare) and term.fact == path and holds(term, state.facts, state.rates)
    ]
    return " and ".join(hit)


def _terms(rule: Rule) -> list[Rule]:
    if rule.kind in ("every", "some"):
        return [term for part in rule.rules for term in _terms(part)]
    return [rule]


def _rule(state: DealState, here: Placed) -> dict[str, Any]:
    own = here.step.when
    if own is None:
        return {"text": "every deal that comes here"}
    terms = [
        {"text": printed(term, state.facts, state.rates), "holds": holds(term, state.facts, state.rates)}
        for term in _terms(own)
    ]
    return {
        "text": printed(own, state.facts, state.rates),
        "joined_by": "or" if own.kind == "some" else "and",
        "terms": terms,
    }


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
        for who in parties(here.step, state.facts, state.rates):
            for person in record.asked.get(who_key(who), []):
                if person not in answered:
                    found.append({"person": person, "what": who_words(who), "state": "waiting", "tone": "now"})
    return found


def _answer(decision: Decision, step: str = "") -> dict[str, str]:
    name = step.partition(":")[2]
    word = "approved" if decision.verdict == "yes" else "rejected"
    reason = f": {decision.reason}" if decision.reason else ""
    what = f"{name} {word}{reason}" if name else f"{word}{reason}"
    return {
        "person": decision.person,
        "what": what,
        "state": word,
        "tone": "ok" if decision.verdict == "yes" else "late",
    }


def _documents(state: DealState, here: Placed) -> list[dict[str, str]]:
    names = dict.fromkeys(n.removeprefix(DOCUMENT) for n in reading(here.step, here.step.id, state) if DOCUMENT in n)
    if isinstance(here.step, HandoffDef):
        packet = state.flow.packets.get(here.step.packet)
        names |= dict.fromkeys(f.document for f in packet.fields if f.document) if packet else {}
    found = [(name, document(name, state)) for name in names]
    return [{"name": name, "sha256": doc.sha256} for name, doc in found if isinstance(doc, Digest)]


def _difference(here: Placed, record: Record) -> dict[str, Any] | None:
    """What moved since the last answer of an earlier round or edition."""
    before = [d for d in record.decisions if d.signed and (d.round, d.edition) != (record.round, record.edition)]
    if not before or not isinstance(here.step, ApprovalDef):
        return None
    last, now = before[-1], record.read
    changes = []
    for name, direction in here.step.covered.items():
        was, here_now = last.signed.get(name), now.get(name)
        if was != here_now:
            shown = _label(name.removeprefix(DOCUMENT))
            tone = "" if direction is Direction.DIFFERENT else "ok"
            changes.append({"label": shown, "was": str(was or "unset"), "now": str(here_now or "unset"), "tone": tone})
    said = f"{last.person}, {last.at.day} {last.at:%b}" + (f": {last.reason}" if last.reason else "")
    return {"since": said, "changes": changes}


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
        "inputs_needed": [_field(spec, str(state.facts.get(spec.path, ""))) for spec in inputs],
        "outputs_needed": [_field(state.flow.facts[p]) for p in outputs if p in state.flow.facts],
    }


def _field(spec: FactSpec, value: str = "") -> dict[str, Any]:
    label = spec.label or _label(spec.path)
    return {"path": spec.path, "type": spec.type, "label": label, "options": list(spec.options), "value": value}


def _label(path: str) -> str:
    return path.replace("_", " ").replace(".", " ")
