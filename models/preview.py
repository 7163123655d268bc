"""What a change, or submitting as it is, would come to: who stands by their word, who is asked, what is done again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models import acts
from models.approval import counts, satisfied, worse
from models.asking import chosen, who_key, who_words
from models.deal import DealState, Decision, Record, Status
from models.flow import ApprovalDef, CallDef, HandoffDef, Placed, RenderDef, SignatureDef, SubflowDef, writes
from models.parties import approvers, tables_of
from models.reading import DOCUMENT, reading, touches
from models.reasons import missing_words
from models.revisions import revise
from models.rules import all_hold, printed
from models.turn import title
from models.values import Reading, digest_of
from models.walk import stands, undecided

What = Literal[
    "stands", "asked again", "asked", "open", "shown anew", "void", "no longer called for", "done again",
    "signed again", "amended", "asked of the owner", "undecided",
]  # fmt: skip


class Line(BaseModel):
    """What becomes of one step, or of one person's answer to it."""

    model_config = ConfigDict(frozen=True)
    step: str
    title: str
    kind: str
    what: What
    person: str = ""
    """Whose answer it is about; empty for a step as a whole."""
    who: str = ""
    people: tuple[str, ...] = ()
    """Who would be asked, as far as the deal knows them already."""
    reason: str = ""
    within: str = ""
    """The promised time, where somebody is asked."""
    certain: bool = True
    """Not where it hangs on what a step before it is still to find out."""


class Preview(BaseModel):
    """The whole answer, in flow order. `fingerprint` changes when anything it says does."""

    model_config = ConfigDict(frozen=True)
    lines: tuple[Line, ...]
    held: str = ""
    """Why the change would wait for the owner as a whole, or nothing."""
    fingerprint: str


def preview(state: DealState, act: acts.Revise | None, now: datetime) -> Preview:
    """Return what `act` would come to if it were done now, without one what submitting would; changes nothing."""
    after = state.model_copy(update={"flow": None, "outbox": []}).model_copy(deep=True)
    after.flow = state.flow  # the largest part, and it never changes
    for here in state.flow.steps.values():  # a table not used yet would be used from now on
        for table in tables_of(here.step):
            after.tables.setdefault(table.name, now.date().isoformat())
    if act is not None:
        revise(after, act, now)
    held = after.hold.reason if after.hold is not None and state.hold is None else ""
    lines, moved = [], set[str]()
    for step_id, here in state.flow.steps.items():
        found = list(_lines(state, after, step_id, here))
        unsure = bool(touches(here.step, after) & moved)
        lines += [line.model_copy(update={"certain": not unsure}) for line in found]
        if any(line.what in ("done again", "amended") for line in found) or (unsure and not found):
            moved |= {*writes(here.step, state.flow)}
            if isinstance(here.step, RenderDef):
                moved.add(DOCUMENT + here.step.document)
    told = "\n".join(line.model_dump_json() for line in lines)
    return Preview(lines=tuple(lines), held=held, fingerprint=digest_of(f"{state.revision}\n{held}\n{told}".encode()))


def _lines(before: DealState, after: DealState, step_id: str, here: Placed) -> Iterator[Line]:
    step, record = here.step, before.record(step_id)
    due = all_hold(here.rules, after.facts, after.rates) if here.rules else True
    line = Line(step=step_id, title=title(step_id), kind=step.kind, what="open")
    if due is None or (due and undecided(step, here.rules, after)):
        lacking = undecided(step, here.rules, after)
        if lacking:
            why = missing_words(lacking, after.facts, after.rates)
            yield line.model_copy(update={"what": "undecided", "reason": why})
        return
    if not due:
        was = all_hold(here.rules, before.facts, before.rates) if here.rules else True
        if was and record.state is not Status.SKIPPED:
            why = " and ".join(printed(rule, after.facts, after.rates) for rule in here.rules)
            yield line.model_copy(update={"what": "no longer called for", "reason": why})
        return
    if isinstance(step, ApprovalDef):
        yield from _approval(before, after, step, here, line)
        return
    now = reading(step, step_id, after)
    if record.state is Status.SETTLED and not stands(step, record, now, after):
        yield line.model_copy(update={"what": _again(step, record, before), "reason": _moved(record.read, now)})
    elif record.state is Status.OPEN and isinstance(step, SignatureDef | HandoffDef) and record.read != now:
        yield line.model_copy(update={"what": "void", "reason": _moved(record.read, now)})


def _again(step: object, record: Record, state: DealState) -> What:
    match step:
        case SignatureDef():
            return "signed again"
        case CallDef() if record.live is not None:
            return "amended" if state.flow.actions[step.action].on_change == "amend" else "asked of the owner"
        case HandoffDef() | SubflowDef():
            return "asked of the owner"
        case _:
            return "done again"


def _approval(before: DealState, after: DealState, step: ApprovalDef, here: Placed, line: Line) -> Iterator[Line]:
    record = before.record(step.id)
    then, now = reading(step, step.id, before), reading(step, step.id, after)
    asked = approvers(step, after)
    who = " and ".join(who_words(each) for each in asked)
    people = tuple(dict.fromkeys(p for each in asked for p in after.people.get(who_key(each), ())))
    promised = chosen(step.patience.within, after.facts, after.rates) if step.patience.within is not None else None
    line = line.model_copy(update={"who": who, "people": people, "within": str(promised or "")})
    yes = [d for d in record.decisions if d.verdict == "yes"]
    given = {d.person: d for d in yes if counts(d, record, then, step.covered)}
    given |= {d.person: d for d in yes if d.person in given and counts(d, record, now, step.covered)}
    for decision in given.values():
        yield _signed(line, decision, step, now)
    if satisfied(step, _as_if_said_again(record, given, now), now, after):
        return
    why = " and ".join(printed(rule, after.facts, after.rates) for rule in here.rules) or "every deal asks this"
    if record.state is not Status.OPEN:
        yield line.model_copy(update={"what": "asked", "reason": why})
    elif then != now:
        yield line.model_copy(update={"what": "shown anew", "reason": _moved(then, now)})
    else:
        yield line.model_copy(update={"what": "open", "reason": why})


def _as_if_said_again(record: Record, given: Mapping[str, Decision], now: Reading) -> Record:
    """Return the record as it is once everybody who has said yes says so again: what is still missing then is new."""
    again = [d.model_copy(update={"signed": now}) if d in given.values() else d for d in record.decisions]
    return record.model_copy(update={"decisions": again})


def _signed(line: Line, decision: Decision, step: ApprovalDef, now: Reading) -> Line:
    names = worse(step.covered, decision.signed, now)
    if not names:
        change = {"what": "stands", "reason": "nothing it covers is worse than what was signed"}
    else:
        change = {"what": "asked again", "reason": _moved(decision.signed, now, names)}
    return line.model_copy(update={**change, "person": decision.person})


def _moved(then: Reading, now: Reading, names: list[str] | None = None) -> str:
    moved = names if names is not None else [n for n in {**then, **now} if then.get(n) != now.get(n)]
    shown = ((n.removeprefix(DOCUMENT).replace("_", " "), n) for n in moved)
    return ", ".join(f"{label} {then.get(n, 'unset')} → {now.get(n, 'unset')}" for label, n in shown)
