"""What became of one step between two versions, parameter by parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from models.asking import Ladder, Patience, Silence
from models.flow import (
    ApprovalDef,
    EndDef,
    RenderDef,
    SignatureDef,
    Step,
    WaitDef,
)
from models.rules import Rule
from workflows.difference_rules import rule_words
from workflows.difference_tables import same, table_changes
from workflows.difference_words import doing, fact_words, instead, list_words, listed, said

VERBS = {
    "approval": "asked", "call": "called", "render": "made", "signature": "asked for", "task": "asked for",
    "wait": "waited for", "handoff": "handed over", "subflow": "started", "ending": "reached",
}  # fmt: skip
_APART = frozenset({"kind", "line", "name", "when", "patience", "covers", "covered"})
"""Fields that are said together with others, or not at all."""


class Ruled(NamedTuple):
    """A step with the one rule that decides it, those of enclosing Whens included."""

    step: Step
    rule: Rule | None


def name_words(step: Step) -> str:
    """Return a step's name as a sentence starts with it: "finance", "signature of sow"."""
    match step:
        case ApprovalDef():
            return step.name
        case RenderDef():
            return f"document {step.name}"
        case SignatureDef():
            return f"signature of {step.name}"
        case EndDef():
            return f"ending {step.name!r}"
        case _:
            return f"{step.kind} {step.name}"


def birth_words(new: Ruled) -> str:
    """Return what a step that is new does."""
    step = new.step
    people = getattr(step, "by", None) or getattr(step, "to", None)
    within = (getattr(step, "patience", None) or Patience()).within
    extra = [f"of {said(people)}"] if people and not isinstance(step, WaitDef) else []
    extra += [f"within {said(within)}"] if within is not None else []
    extra += [f"only when {said(new.rule)}"] if new.rule is not None else []
    return " ".join([f"{name_words(step)} is new: {VERBS[step.kind]}", *extra])


def step_words(old: Ruled, new: Ruled) -> Iterator[str]:
    """Yield every difference of one step, a sentence each; nothing for equal ones."""
    name, kind = name_words(new.step), new.step.kind
    if old.step.name != new.step.name:
        yield f"{name_words(old.step)} is now called {new.step.name}"
    if old.rule != new.rule:
        yield f"{name} {rule_words(VERBS[kind], old.rule, new.rule)}"
    elif old.step.when != new.step.when:
        yield f"{name} is {VERBS[kind]} by the same rule, written at another place"
    before, after = getattr(old.step, "patience", None), getattr(new.step, "patience", None)
    if isinstance(before, Patience) and isinstance(after, Patience):
        yield from _patience(name, before, after)
    if isinstance(old.step, ApprovalDef) and isinstance(new.step, ApprovalDef):
        yield from _signs(name, old.step, new.step)
    for field in type(new.step).model_fields:
        before, after = getattr(old.step, field), getattr(new.step, field)
        renamed = field == "was" and old.step.name != new.step.name
        if field in _APART or same(before, after) or renamed:
            continue
        rows = table_changes(name, before, after)
        if rows is not None:
            yield from rows
            continue
        say = _SAID.get(field)
        if say is None:
            yield f"{name}: {field.replace('_', ' ')} is now {instead(before, after)}"
        else:
            yield from say(name, before, after)


def _patience(name: str, old: Patience, new: Patience) -> Iterator[str]:
    if old.within != new.within:
        if old.within is None or new.within is None:
            after, before = (said(x) if x is not None else "no deadline" for x in (new.within, old.within))
            yield f"{name} now has {after} instead of {before}"
        else:
            yield f"{name} now has {instead(old.within, new.within)}"
    if not same(old.escalate_to, new.escalate_to):
        rows = table_changes(f"the escalation of {name}", old.escalate_to, new.escalate_to)
        if rows is not None:
            yield from rows
        elif new.escalate_to == Ladder():
            yield f"{name} is no longer escalated to {said(old.escalate_to)}"
        else:
            yield f"{name} is now escalated to {instead(old.escalate_to, new.escalate_to)}"
    if old.remind_every != new.remind_every:
        before, after = (f"every {said(x)}" if x else "never" for x in (old.remind_every, new.remind_every))
        yield f"{name} is now reminded {after} instead of {before}"
    if old.hours != new.hours:
        after, before = (_HOURS.get(str(each)) or said(each) for each in (new.hours, old.hours))
        yield f"the time of {name} now runs {after} instead of {before}"
    if not same(old.fallback, new.fallback):
        rows = table_changes(f"the fallback of {name}", old.fallback, new.fallback)
        yield from rows if rows is not None else _fallback(name, old.fallback, new.fallback)
    if old.on_silence != new.on_silence:
        plain = isinstance(old.on_silence, Silence) and isinstance(new.on_silence, Silence)
        silence = f"{said(new.on_silence)}; before it: {said(old.on_silence)}"
        yield f"silence on {name} now " + (instead(old.on_silence, new.on_silence) if plain else silence)


def _fallback(name: str, old: Any, new: Any) -> Iterator[str]:
    if not new:
        yield f"when nobody can answer {name}, {said(old)} is no longer asked instead"
    elif not old:
        yield f"when nobody can answer {name}, {said(new)} is now asked instead"
    else:
        yield f"when nobody can answer {name}, now {instead(old, new)} is asked"


_HOURS = {"company": "in the company's working hours", "person": "in the hours of whoever is asked"}


def _signs(name: str, old: ApprovalDef, new: ApprovalDef) -> Iterator[str]:
    yield from list_words(sorted(old.covered), sorted(new.covered), f"{name} now also signs", f"{name} no longer signs")
    for path in old.covered:
        if path in new.covered and old.covered[path] is not new.covered[path]:
            after, before = _WAYS[new.covered[path]], _WAYS[old.covered[path]]
            yield f"{name} is now asked again when {fact_words(path)} {after}, instead of when it {before}"
    if old.covers != new.covers and old.covered == new.covered:
        before, after = (
            listed(map(fact_words, x)) if x is not None else "what is usual" for x in (old.covers, new.covers)
        )
        yield f"{name} is now written to sign {after} instead of {before}"


_WAYS = {"higher": "is higher", "lower": "is lower", "different": "differs at all"}


def _now(word: str) -> _Say:
    def say(name: str, old: Any, new: Any) -> Iterator[str]:
        yield f"{name} {word} {instead(old, new)}"

    return say


def _route(outcome: str) -> _Say:
    def say(name: str, old: Any, new: Any) -> Iterator[str]:
        after, before = (said(x) if x is not None else "goes on as its stage says" for x in (new, old))
        yield f"{outcome} {name} now {after} instead of {doing(before)}"

    return say


def _yes_no(yes: str, no: str) -> _Say:
    def say(name: str, _old: Any, new: Any) -> Iterator[str]:
        yield f"{name} {yes if new else no}"

    return say


def _inputs(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for field in dict.fromkeys([*old, *new]):
        before, after = old.get(field), new.get(field)
        if before is None:
            yield f"{name} now also reads {field} from {fact_words(str(after))}"
        elif after is None:
            yield f"{name} no longer reads {field} (it read {fact_words(before)})"
        elif before != after:
            yield f"{name} now reads {field} from {fact_words(after)} instead of {fact_words(before)}"


def _outputs(name: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    yield from list_words(old, new, f"{name} now also writes", f"{name} no longer writes")


def _not_same(name: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    gains, loses = (f"whoever answered {name} may {x} answer" for x in ("no longer", "now also"))
    yield from list_words(old, new, gains, loses)


def _until(name: str, old: Rule | None, new: Rule | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{name} now waits until {said(new)} instead of until {said(old)}"
    else:
        yield f"{name} {rule_words('over', old, new)}"


def _accept(name: str, old: Rule | None, new: Rule | None) -> Iterator[str]:
    yield f"{name} {rule_words('accepted by itself', old, new, unruled='never')}"


def _override(name: str, _old: str, new: str) -> Iterator[str]:
    many = {"one": "now be decided by one administrator", "two": "now be decided by two administrators together"}
    yield f"{name} can {many.get(new, 'no longer be decided by administrators')}"


def _each(name: str, old: str | None, new: str | None) -> Iterator[str]:
    before, after = (f"once for each of {fact_words(x)}" if x else "once" for x in (old, new))
    yield f"{name} now runs {after} instead of {before}"


def _was(name: str, old: str, new: str) -> Iterator[str]:
    yield f"{name} now says that it was called {new}" if new else f"{name} no longer says that it was called {old}"


def _child(name: str, _old: str, _new: str) -> Iterator[str]:
    yield f"{name} now starts that flow as it is written now, which has changed"


_Say = Callable[[str, Any, Any], Iterator[str]]
_SAID: Mapping[str, _Say] = {
    "by": _now("is now asked of"),
    "to": _now("is now handed to"),
    "need": _now("now needs"),
    "in_turn": _yes_no("is now asked one person after the other", "is now asked of everybody at once"),
    "form": _now("now asks the form"),
    "on_reject": _route("a no to"),
    "on_expire": _route("expiry of"),
    "on_decline": _route("declining the"),
    "advisory": _yes_no("now only advises: its no stops nothing", "now decides instead of only advising"),
    "every_round": _yes_no("is now asked anew in every round", "is now asked again only when something got worse"),
    "not_same_as": _not_same,
    "repeat": _now("asks the same person twice by the rule"),
    "override": _override,
    "action": _now("now calls"),
    "effect": _yes_no("now does something outside", "now does nothing outside"),
    "inputs": _inputs,
    "outputs": _outputs,
    "each": _each,
    "document": _now("is now about document"),
    "template": _now("is now made from template"),
    "until": _until,
    "until_date": _now("now waits for the date"),
    "lead": _now("now ends ahead of its date by"),
    "accept_when": _accept,
    "what": _now("now starts flow"),
    "flow_digest": _child,
    "detach": _yes_no("is now started and not waited for", "is now waited for"),
    "ending": _now("is now"),
    "was": _was,
}
