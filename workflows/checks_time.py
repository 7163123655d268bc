"""Deadlines: requests that may stay open for ever, that are late at once, and that outlast the price they are about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from models.asking import Silence
from models.calendar import Span, Unit
from models.flow import ApprovalDef, CallDef, FlowDef, HandoffDef, SignatureDef, TaskDef, WaitDef
from models.reading import DOCUMENT
from models.reasoning import satisfiable
from models.rules import text
from workflows.binding import alternatives
from workflows.checks_codes import Finding, Menu, called, found
from workflows.checks_facts import Reads
from workflows.checks_tree import Place, patience_of

_SHORTEST_DAY = timedelta(hours=24 * 7 / 5)
"""Five business days are a week."""


def deadlines(menu: Menu, reads: Reads) -> Iterator[Finding]:
    """Yield what is wrong with how long requests stay open."""
    for place in reads.placed:
        yield from _patience(reads.flow, place)
        if isinstance(place.step, WaitDef):
            yield from _endless(reads.flow, place.step)
    yield from _outlasting(menu, reads)


def _patience(flow: FlowDef, place: Place) -> Iterator[Finding]:
    step, patience = place.step, patience_of(place.step)
    for span in (*alternatives(patience.within), patience.remind_every):
        if isinstance(span, Span) and span.n == 0:
            what = f"{called(step)}: {span} is no time at all"
            yield found(flow, "no_time", step.line, what, "give at least one, such as business_days(1)")
    spans = [span for span in (*alternatives(patience.within), patience.remind_every) if isinstance(span, Span)]
    if patience.hours != "company" and spans and not any(span.unit.business for span in spans):
        what = f"{called(step)}: hours= say whose working time counts, and {spans[0]} count day and night"
        remedy = f"write within=business_{spans[0].unit}({spans[0].n}) or the like, or take hours= away"
        yield found(flow, "idle_hours", step.line, what, remedy)
    if not isinstance(step, ApprovalDef | TaskDef | HandoffDef | SignatureDef):
        return
    if patience.within is None:
        what = f"{called(step)}: it may stay open for ever"
        yield found(flow, "no_deadline", step.line, what, "add within=business_days(2) or the like")
    if isinstance(step, SignatureDef):
        return
    climbs = Silence.ESCALATE in alternatives(patience.on_silence)
    ladders = alternatives(patience.escalate_to)
    if climbs and any(not any(ladder.rungs) and ladder.last in (None, Silence.ESCALATE) for ladder in ladders):
        what = f"{called(step)}: when it is late there is nobody to escalate to"
        remedy = 'add escalate_to="..." with a role, or say on_silence=EXPIRE, APPROVE or REJECT'
        yield found(flow, "nobody_to_escalate_to", step.line, what, remedy)


def _endless(flow: FlowDef, step: WaitDef) -> Iterator[Finding]:
    if step.until is None or satisfiable([step.until], flow.facts):
        return
    what = f"{called(step)}: {text(step.until)} can never be true"
    if step.patience.within is None:
        what += ", and it has no within= either"
        yield found(flow, "endless_wait", step.line, what, "wait for something that can come true")
    else:
        yield found(flow, "never_true", step.line, what, "wait for something that can come true")


def _outlasting(menu: Menu, reads: Reads) -> Iterator[Finding]:
    """Yield requests that people may answer after what they are asked about has lapsed (semantics 38)."""
    flow, placed = reads.flow, reads.placed
    limits = {
        place.step.id: menu.valid_days[place.step.action]
        for place in placed
        if isinstance(place.step, CallDef) and place.step.action in menu.valid_days
    }
    if not limits:
        return
    made_of = reads.sources
    for step, _, _ in placed:
        if isinstance(step, SignatureDef):
            names = [DOCUMENT + step.document]
        elif isinstance(step, ApprovalDef) and not step.advisory:
            names = list(step.covered)
        else:
            continue
        spans = [span for span in alternatives(step.patience.within) if isinstance(span, Span)]
        longest = max(spans, key=_length, default=None)
        origins = {origin for name in names for origin in made_of.get(name, ())} & set(limits)
        for origin in sorted(origins, key=lambda each: (limits[each], each))[:1]:
            days, call = limits[origin], flow.steps[origin].step
            if longest is not None and _length(longest) > timedelta(days=days):
                what = (
                    f"{called(step)}: people have {longest} to answer, and what {called(call)} makes is valid for "
                    f"{days} days"
                )
                remedy = f"give it less than {days} days, or let the price be valid for longer"
                yield found(flow, "outlives_quote", step.line, what, remedy)


def _length(span: Span) -> timedelta:
    return span.length(_SHORTEST_DAY) * (3 if span.unit is Unit.BUSINESS_HOURS else 1)
