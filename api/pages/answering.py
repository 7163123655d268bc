"""From a posted form to an act: the fields of each answer, and what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData

from api.acting import ACT, update_id
from api.problems import Problem
from models.acts import Attachment
from models.facts import PERSON, FactSpec
from models.forms import FormError, coerce
from models.tables.people import Person
from models.tables.requests import Request
from models.values import Value

FIELD = "field."
FACT = "fact."

# What a button says -> what the workflow is told.
VERDICTS = {
    "approve": "approve",
    "reject": "reject",
    "ask_changes": "ask_changes",
    "accept": "accept",
    "accept_with_conditions": "accept_with_conditions",
}
LONGEST = 4000
REASON = {
    "reject": "Say why: the owner reads it.",
    "reassign": "Say why: whoever is asked instead reads it.",
    "add_approver": "Say why: whoever is asked too reads it.",
    "override_approve": "Say why you decide in place of those asked; it stays marked for ever.",
    "override_reject": "Say why you decide in place of those asked; it stays marked for ever.",
    "ask_changes": "Say what should change.",
    "hold": "Say why the deal stands still.",
    "cancel": "Say why the deal is cancelled.",
    "end": "Say why the deal ends.",
    "skip": "Say why the step may be passed.",
    "ask_information": "Say what you need to know.",
    "give_information": "Write the answer.",
    "complete_by_hand": "Say what was done, and where that can be seen.",
}


class Wrong(Exception):
    """A field is missing or not usable: which one, and why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def act_of(
    form: FormData,
    person: str,
    step: str | None = None,
    request: Request | None = None,
    *,
    channel: str = "page",
    people: Mapping[str, Person] | None = None,
    files: Sequence[Attachment] = (),
) -> Any:
    """Return the act a form stands for. Raises Wrong for a field, Problem for a form that is not one of ours."""
    do = _said(form, "act")
    reason = _said(form, "reason")
    if do in REASON and not reason:
        raise Wrong("reason", REASON[do])
    if len(reason) > LONGEST:
        said = f"At most {LONGEST:,} characters fit; this has {len(reason):,}. Shorten it, or attach it as a file."
        raise Wrong("reason", said)
    fields: dict[str, Any] = {"by": person, "key": update_id(person, _said(form, "key") or "-"), "channel": channel}
    if step:
        fields["step"] = step
    if request is not None:
        fields |= {"step": request.step, "round": request.round}
    fields |= _steering(do, reason, form, people or {}, files) or _own(do, reason, form)
    try:
        return ACT.validate_python(fields)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise Problem("unreadable", f"{first['loc'][-1]}: {first['msg']}") from wrong


def _steering(
    do: str, reason: str, form: FormData, people: Mapping[str, Person], files: Sequence[Attachment]
) -> dict[str, Any] | None:
    """Return the fields of the acts around an answer: who is asked, what is said, what an administrator may do."""
    match do:
        case "comment":
            if not reason and not files:
                raise Wrong("reason", "Write something, or attach a file.")
            text = reason or f"attached {', '.join(each.name for each in files)}"
            return {"do": do, "text": text, "attachments": tuple(files)}
        case "reassign":
            return {"do": do, "of": _said(form, "of"), "to": whom(form, "to", people), "reason": reason}
        case "add_approver":
            place = _said(form, "place") or "before"
            return {"do": do, "person": whom(form, "person", people), "place": place, "reason": reason}
        case "nudge":
            return {"do": do, "note": reason}
        case "override_approve" | "override_reject":
            edition = {"edition": _edition(form)}
            return {"do": "override", "verdict": do.removeprefix("override_"), "reason": reason, **edition}
    return None


def whom(form: FormData, field: str, people: Mapping[str, Person]) -> str:
    """Return the id of the person a field names by id, name or mail. Raises Wrong."""
    said = _said(form, field)
    if not said:
        raise Wrong(field, "Name somebody.")
    wanted = said.casefold()
    found = [p for p in people.values() if wanted in {p.id.casefold(), p.name.casefold(), p.email.casefold()}]
    if not found:
        raise Wrong(field, f"Nobody here is called “{said}”. Choose somebody from the list.")
    if len(found) > 1:
        raise Wrong(field, f"Several people are called “{said}”. Give a mail address: {found[0].email}.")
    if not found[0].active:
        raise Wrong(field, f"{found[0].name} is no longer active. Choose somebody else.")
    return found[0].id


def _own(do: str, reason: str, form: FormData) -> dict[str, Any]:
    match do:
        case "accept_with_conditions":
            conditions = [line.strip() for line in _said(form, "conditions").splitlines() if line.strip()]
            if not conditions:
                raise Wrong("conditions", "Name at least one condition, one per line.")
            return _decide(form, do, reason) | {"conditions": conditions}
        case _ if do in VERDICTS:
            return _decide(form, do, reason)
        case "complete":
            return {"do": do, "form": answers(form)}
        case "ask_information":
            return {"do": do, "question": reason}
        case "give_information":
            return {"do": do, "answer": reason}
        case "answer":
            choice = _said(form, "choice")
            return {"do": do, "question": _said(form, "question"), "choice": choice, "reason": reason} | _back(form)
        case "complete_by_hand":
            return {"do": do, "evidence": reason, "reference": _said(form, "reference"), "outputs": facts(form)}
        case "skip":
            return {"do": do, "reason": reason, "outputs": facts(form)}
        case "change_input":
            return {"do": do, "inputs": facts(form)}
        case "revise":
            given = facts(form)
            if not given:
                raise Wrong("fact", "Fill in at least one value.")
            return {"do": do, "source": "person", "at": datetime.now(UTC), "facts": given}
        case "hold" | "cancel" | "end" | "recall":
            return {"do": do, "reason": reason}
        case _:
            return {"do": do}


def _decide(form: FormData, verdict: str, reason: str) -> dict[str, Any]:
    return {
        "do": "decide",
        "verdict": verdict,
        "reason": reason,
        "edition": _edition(form),
        "form": answers(form),
    } | _back(form)


def _edition(form: FormData) -> int:
    edition = _said(form, "edition")
    if not edition.isdecimal():
        raise Problem("unreadable", "The form does not say which edition was read.")
    return int(edition)


def _back(form: FormData) -> dict[str, str]:
    stage = _said(form, "to_stage")
    return {"to_stage": stage} if stage else {}


def answers(form: FormData) -> dict[str, Any]:
    """Return the answers of a typed form; a number stays text, the form's own model reads it."""
    said: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name.startswith(FIELD) and isinstance(value, str) and value.strip():
            said[name.removeprefix(FIELD)] = value.strip()
    return said


def facts(form: FormData) -> dict[str, Value]:
    """Return the facts a form fills in, each read as the type its field names. Raises Wrong."""
    given: dict[str, Value] = {}
    for name, text in form.multi_items():
        if name.startswith(FACT) and isinstance(text, str) and text.strip():
            kind, _, path = name.removeprefix(FACT).partition(".")
            given[path] = _value(name, kind, text.strip())
    return given


def _value(field: str, kind: str, text: str) -> Value:
    spec = FactSpec(path=field.rpartition(".")[2], type=kind, source=PERSON)
    try:
        return coerce(spec, text)
    except FormError as wrong:
        raise Wrong(field, f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.") from wrong


def _said(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
