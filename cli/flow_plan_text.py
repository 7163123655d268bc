"""A plan as a person reads it in the terminal: stage by stage, in the order in which it would happen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from workflows.plan import OWN, Answer, Outside, Plan, Planned
from workflows.plan_rest import Stop, Unknown

WIDTH = 96
_INDENT = " " * 7
_KEY = 7
SAFETY = {
    "A": "A, a server key: a second one is refused there",
    "B": "B, a unique name: a second one is refused there",
    "C": "C, searched for before it is made",
    "D": "D, a draft that is then confirmed",
    "E": "E, at most once; in doubt a person looks",
}
UNDO = {"auto": "undone by itself", "ask": "undone if the owner says so", "none": "cannot be undone"}


def plan_text(plan: Plan, names: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a plan; `names` are people's names by id."""
    zone = ZoneInfo(plan.zone)
    yield f"{plan.flow} version {plan.version}, if everybody says yes"
    about = [str(plan.facts[path]) for path in ("account", "title") if path in plan.facts]
    yield from _wrapped("", " · ".join([*about, f"arrives {_when(plan.start, zone)}", plan.zone]))
    if plan.refused:
        yield from _wrapped("", f"By itself no such deal comes to this flow: {plan.refused}.")
    stage = ""
    for step in plan.steps:
        if step.stage != stage:
            stage = step.stage
            yield from ("", stage)
        yield from _step(plan, step, names, zone)
    yield ""
    yield from _end(plan, names, zone)


def _step(plan: Plan, step: Planned, names: Mapping[str, str], zone: ZoneInfo) -> Iterator[str]:
    number = f"{step.turn:>3}" if step.turn is not None and step.state != "open" else f"{_SIGN.get(step.state, ''):>3}"
    items = f", once for each of {', '.join(step.instances)}" if step.instances else ""
    start = f"{number} {_lane(plan, step)} "
    told = " is so already" if step.kind == "wait" and step.state == "done" else _STATE.get(step.state, "")
    name = f"{_KIND.get(step.kind, '')}{step.title}{items}{told}"
    if step.state == "skipped":
        yield from _wrapped(start, f"{name}, because {step.why or 'its rule says no'}")
        return
    yield f"{start}{name}"
    for party in step.asked:
        own = ", ".join(names.get(each, each) for each in party.people if each not in party.called) or "nobody"
        yield from _line("asks", f"{own} ({party.who})" + (f", by {party.because}" if party.because else ""))
        if party.called:
            called = ", ".join(names.get(each, each) for each in party.called)
            yield from _line("", f"and at once {called}, since too few of {party.who} may answer")
    if len(step.answers) and step.asked and step.needs and sum(len(p.people) for p in step.asked) > 1:
        yield from _line("", step.needs)
    if step.kind in ("ending", "wait") and step.needs:
        yield from _line("", step.needs)
    if step.why:
        yield from _line("why", step.why)
    if step.due is not None:
        yield from _line("due", "; ".join([_due(step, zone), *_late(step, names, zone)]))
    if step.outside is not None:
        yield from _line("starts" if step.outside.system == OWN else "outside", _done(step.outside))
    if step.document:
        yield from _line("makes" if step.kind == "render" else "signs", f"document {step.document}")
    if step.knows:
        yield from _line("knows", ", ".join(map(_answer, step.knows)))
    if step.advisory and step.asked:
        yield from _line("", "asked for advice: nothing waits for it")


_SIGN = {"skipped": "–", "stops": "!", "open": "?", "done": "·"}
_STATE = {"skipped": " is skipped", "open": ": may follow", "stops": ": it stops here", "waits": ": waits"}
_KIND = {"approval": "approval ", "task": "task ", "wait": "wait ", "ending": "ending "}


def _lane(plan: Plan, step: Planned) -> str:
    """Return the bracket that holds the steps of a parallel group together."""
    if step.group is None:
        return " "
    group = [each.step for each in plan.steps if each.group == step.group]
    if len(group) == 1:
        return " "
    return "┌" if step.step == group[0] else "└" if step.step == group[-1] else "├"


def _due(step: Planned, zone: ZoneInfo) -> str:
    assert step.due is not None, step.step
    told = (f"{step.within}: " if step.within else "") + _when(step.due, zone)
    late = step.latest is not None and step.latest > step.due
    return f"{told}, at the latest {_when(step.latest, zone)}" if late and step.latest else told


def _done(outside: Outside) -> str:
    if outside.system == OWN:
        return f"{outside.what.removeprefix('starts ')}, once"
    safety = SAFETY.get(outside.safety)
    told = [f"{outside.what} in the {outside.system}", *([f"duplicate safety {safety}"] if safety else [])]
    return "; ".join([*told, UNDO[outside.undo]])


def _answer(answer: Answer) -> str:
    name = _label(answer.fact)
    told = answer.value if answer.value.startswith(f"{name} ") else f"{name} {answer.value}"
    return f"{told} *" if answer.assumed else told


def _late(step: Planned, names: Mapping[str, str], zone: ZoneInfo) -> Iterator[str]:
    for rung in step.late:
        people = ", ".join(names.get(each, each) for each in rung.people)
        when = "" if rung.at == step.due else f" on {_when(rung.at, zone)}"
        yield f"then{when} {f'{people} ({rung.what})' if people else rung.what}"


def _end(plan: Plan, names: Mapping[str, str], zone: ZoneInfo) -> Iterator[str]:
    if plan.ending:
        yield from _wrapped("", f"The deal ends {plan.ending}, {_span(plan, zone)}.")
    for stop in plan.stops:
        yield from _stop(stop, names)
    effects = [
        step for step in plan.steps if step.outside is not None and step.outside.system != OWN and step.state == "done"
    ]
    if effects:
        told = ", ".join(f"{e.outside.what} ({e.outside.system})" for e in effects if e.outside is not None)
        yield from _wrapped("", f"Done outside: {told}.")
    other = " where nothing else is said" if any(" in " in step.within for step in plan.steps) else ""
    yield from _wrapped(
        "",
        f"Due times are on the company's calendar{other}. The first counts from this plan's start, as if every answer "
        "before took no time; the latest is if every answer before came just in time.",
    )
    if plan.assumed:
        yield from _wrapped("", f"* made up, since the facts do not say: {', '.join(map(_label, plan.assumed))}.")


def _span(plan: Plan, zone: ZoneInfo) -> str:
    if plan.latest is None:
        return f"at the earliest {_when(plan.end, zone)}"
    return f"on {_when(plan.latest, zone)} at the latest if every answer comes in time"


def _stop(stop: Stop, names: Mapping[str, str]) -> Iterator[str]:
    who = ", ".join(names.get(each, each) for each in stop.people)
    if not stop.unknown:
        yield from _wrapped("", f"It stops at {stop.step}: {stop.reason}." + (f" {who} can see to it." if who else ""))
        return
    told = " and ".join(_label(each.fact) for each in stop.unknown)
    yield from _wrapped("", f"It stops at {stop.step} until {told} {'is' if len(stop.unknown) == 1 else 'are'} known.")
    for each in stop.unknown:
        yield from _line("needs", f"{_may_be(each)}, from {_named(each.supplier, names)}")


def _may_be(unknown: Unknown) -> str:
    if unknown.options:
        return f"{_label(unknown.fact)}: {', '.join(unknown.options)}"
    return f"{_label(unknown.fact)}: {_TYPES.get(unknown.type, unknown.type)}"


_TYPES = {
    "text": "a text", "whole": "a whole number", "number": "a number", "percent": "a percentage", "money": "a sum",
    "flag": "yes or no", "day": "a date", "moment": "a time", "digest": "a document", "items": "a list",
    "form": "a form",
}  # fmt: skip


def _named(supplier: str, names: Mapping[str, str]) -> str:
    for person, name in names.items():
        supplier = supplier.replace(f"{person} on the deal's page", f"{name} on the deal's page")
    return supplier


def _line(key: str, text: str) -> Iterator[str]:
    yield from _wrapped(f"{_INDENT}{key:<{_KEY}} ", text)


def _wrapped(start: str, text: str) -> Sequence[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False,
        break_on_hyphens=False,
    ) or [start.rstrip()]  # fmt: skip


def _when(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M}"


def _label(path: str) -> str:
    return path.replace("_", " ").replace(".", " ")
