"""Facts and documents: read too early, never or only sometimes written, written twice, or valid for too short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import combinations

from models.asking import Continue, Owner, Silence
from models.facts import Source
from models.flow import (
    ApprovalDef,
    CallDef,
    FlowDef,
    HandoffDef,
    RenderDef,
    SignatureDef,
    Step,
    SubflowDef,
    TaskDef,
    WaitDef,
    choice_rules,
    route,
    rule_facts,
    tables,
    writes,
)
from models.reading import DOCUMENT
from models.reasoning import NO, UNDECIDED, YES, possible, satisfiable
from models.rules import Every
from workflows.binding import Known, alternatives, known_at
from workflows.checks_codes import Finding, called, found, nearest
from workflows.checks_tables import Wanted, used_by, waiting
from workflows.checks_tree import Place, patience_of

_MOST_WRITERS = 12


class Reads:
    """Who writes and who renders what, and what every step may read."""

    def __init__(self, flow: FlowDef, placed: list[Place]) -> None:
        self.flow, self.placed = flow, placed
        self.known = known_at(flow)
        self.writers: dict[str, list[Place]] = {}
        self.renders: dict[str, list[Place]] = {}
        for place in placed:
            for path in dict.fromkeys(writes(place.step, flow)):
                self.writers.setdefault(path, []).append(place)
            if isinstance(place.step, RenderDef):
                self.renders.setdefault(place.step.document, []).append(place)
        self._of: dict[int, dict[str, str]] = {}

    def of(self, place: Place) -> dict[str, str]:
        """Return the facts a step reads, each with what in it reads the fact."""
        known = self._of.get(id(place.step))
        if known is None:
            known = self._of[id(place.step)] = _read_by(self.flow, place)
        return known

    @cached_property
    def sources(self) -> Mapping[str, frozenset[str]]:
        """For every fact and `document:` name the steps and outside sources it comes from, directly or not."""
        made = {**self.writers, **{DOCUMENT + name: places for name, places in self.renders.items()}}
        return {name: self._sources(name, made) for name in (*self.flow.facts, *made)}

    def _sources(self, name: str, made: Mapping[str, list[Place]]) -> frozenset[str]:
        seen: set[str] = set()
        known, todo = {name}, [name]
        for path in todo:
            spec = self.flow.facts.get(path)
            if spec is not None and spec.source is not Source.STEP:
                seen.add(spec.source.value)
            for place in made.get(path, ()):
                if place.step.id not in seen:
                    seen.add(place.step.id)
                    new = [read for read in self.of(place) if read not in known]
                    known.update(new)
                    todo += new
        return frozenset(seen)


def facts(reads: Reads) -> Iterator[Finding]:
    """Yield what is wrong with the facts and documents steps read and write."""
    yield from _two_writers(reads.flow, reads)
    for place in reads.placed:
        known = reads.known[place.step.id]
        yield from _documents(reads, place, known)
        yield from _read(reads, place, known)


def _read_by(flow: FlowDef, place: Place) -> dict[str, str]:
    """Return the facts a step reads, each with what in it reads the fact."""
    step = place.step
    found = {path: f"table {table.name!r}" for table in tables(step) for path in table.facts}
    found |= dict.fromkeys(rule_facts((*place.rules, *choice_rules(step))), "its rule")
    match step:
        case ApprovalDef():
            found |= dict.fromkeys(step.covers or (), "covers")
        case CallDef():
            needed = flow.actions[step.action].inputs if step.action in flow.actions else {}
            found |= {path: f"input {name}" for name, path in step.inputs.items() if needed.get(name, True)}
        case SubflowDef():
            found |= {path: f"input {name}" for name, path in step.inputs.items()}
        case RenderDef():
            for name in alternatives(step.template):
                if name in flow.templates:
                    found |= dict.fromkeys(flow.templates[name].variables, f"template {name}")
        case WaitDef():
            found |= dict.fromkeys(rule_facts((step.until,) if step.until is not None else ()), "until")
            found |= {step.until_date: "until"} if step.until_date else {}
        case HandoffDef():
            packet = flow.packets.get(step.packet)
            fields = packet.fields if packet else ()
            found |= {field.fact: f"packet field {field.label!r}" for field in fields if field.fact}
            rules = (step.accept_when,) if step.accept_when is not None else ()
            found |= dict.fromkeys(rule_facts(rules), "accept_when")
    each = getattr(step, "each", None)
    return found | _named_by(step) | ({each: "each"} if each else {})


def _named_by(step: Step) -> dict[str, str]:
    """Return the facts that say who is asked; unknown ones are told of where people are checked."""
    named: dict[str, str] = {}
    for value in (getattr(step, "by", ()), getattr(step, "to", ())):
        for each in alternatives(value):
            for who in each if isinstance(each, tuple) else (each,):
                if isinstance(who, Owner):
                    named[who.fact] = "who is asked"
    return named


def _read(reads: Reads, place: Place, known: Known) -> Iterator[Finding]:
    flow, step = reads.flow, place.step
    for path, how in reads.of(place).items():
        where = f"{called(step)}: {how}"
        if path not in flow.facts:
            if how != "who is asked":
                what = f"{where} names {path!r}, which is no fact of this flow"
                yield found(
                    flow, "unknown_fact", step.line, what, f"declare it in facts.py; {nearest(path, flow.facts)}"
                )
        elif path in known.facts:
            yield from _sometimes(reads, place, path, how)
        elif path in reads.writers:
            yield _too_early(reads, place, path, where)
        else:
            what = f"{where} reads {path!r}, which no step of this flow writes"
            yield found(flow, "fact_never_written", step.line, what, f"call the action that writes {path!r} before it")


def _too_early(reads: Reads, place: Place, path: str, where: str) -> Finding:
    flow, step, writer = reads.flow, place.step, reads.writers[path][-1].step
    way = _back(reads, writer, step) if writer.id != step.id else [(step, path)]
    if way is not None:
        chain = [f"{called(step)} reads {path!r} of {called(writer)}"]
        chain += [f"{called(reader)} reads {fact!r} of {called(of)}" for reader, fact, of in _pairs(way, writer, step)]
        what = f"{where} reads what comes of itself: {', '.join(chain)}"
        remedy = "take one of these reads away, or let an earlier step write what it needs"
        return found(flow, "fact_cycle", step.line, what, remedy)
    what = f"{where} reads {path!r}, which {called(writer)} (line {writer.line}) writes only later or beside it"
    remedy = f"put it behind {called(writer)}, in order, or let it read something else"
    return found(flow, "fact_too_early", step.line, what, remedy)


def _back(reads: Reads, start: Step, goal: Step) -> list[tuple[Step, str]] | None:
    """Return how `start` depends on what `goal` writes: each reader with the fact it reads, up to `goal`."""
    places = {place.step.id: place for place in reads.placed}
    came: dict[str, tuple[str, str]] = {start.id: ("", "")}
    queue = [start]
    for step in queue:
        for path in reads.of(places[step.id]):
            for writer in reads.writers.get(path, ()):
                if writer.step.id not in came:
                    came[writer.step.id] = (step.id, path)
                    queue.append(writer.step)
    if goal.id not in came:
        return None
    way: list[tuple[Step, str]] = []
    at = goal.id
    while came[at][0]:
        reader, path = came[at]
        way.insert(0, (places[reader].step, path))
        at = reader
    return way


def _pairs(way: list[tuple[Step, str]], start: Step, goal: Step) -> Iterator[tuple[Step, str, Step]]:
    if start.id == goal.id:
        return
    ends = [*(step for step, _ in way[1:]), goal]
    for (reader, path), writer in zip(way, ends, strict=True):
        yield reader, path, writer


def _sometimes(reads: Reads, place: Place, path: str, how: str) -> Iterator[Finding]:
    """Yield a read of a fact that is not written on every way there (semantics 6)."""
    flow, step = reads.flow, place.step
    writers = [writer for writer in reads.writers.get(path, ()) if writer.step.id != step.id]
    if not writers or how == "covers" or flow.facts[path].source in (Source.CRM, Source.ERP):
        return
    sure = [writer for writer in writers if _sure(writer)]
    if any(not writer.rules for writer in sure):
        return
    missed = [(Every(rules=writer.rules), NO) for writer in sure]
    for needs, known in _needs(place, path, how):
        if possible([*needs, *missed], flow.facts, unset=frozenset({path}), known=known):
            lines = ", ".join(f"{called(w.step)} (line {w.step.line})" for w in reads.writers[path])
            what = f"{called(step)}: {how} reads {path!r}, which {lines} writes on some ways only"
            remedy = f"let it happen only when deal.{path}.is_set(), or let {path!r} be written on every way there"
            yield found(flow, "fact_maybe_unset", step.line, what, remedy)
            return


def _needs(place: Place, path: str, how: str) -> Iterator[tuple[Wanted, frozenset[str]]]:
    """Yield the ways in which a fact that is not known would stop a step, each with the facts that are known then."""
    if how == "its rule":
        rules = (*place.rules, *choice_rules(place.step))
        asked = [rule for rule in rules if path in rule_facts((rule,))]
        undecided: Wanted = [(Every(rules=tuple(asked)), UNDECIDED)]
        undecided += [(rule, YES | UNDECIDED) for rule in place.rules]
        yield undecided, frozenset(rule_facts(rules)) - {path}
    elif how.startswith("table "):
        for used in used_by(place):
            yield from ((needs, frozenset()) for needs in waiting(used, path))
    else:
        yield [(Every(rules=place.rules), YES)], frozenset()


def _sure(writer: Place) -> bool:
    """Whether a step that is due has written its facts once it is settled."""
    step = writer.step
    if getattr(step, "advisory", False):
        return False
    if not isinstance(step, TaskDef | ApprovalDef):
        return True
    patience = patience_of(step)
    quiet = {*alternatives(patience.on_silence), *(ladder.last for ladder in alternatives(patience.escalate_to))}
    passed = isinstance(route(step, writer.stage, "expired"), Continue) and Silence.EXPIRE in quiet
    refused = isinstance(step, ApprovalDef) and isinstance(route(step, writer.stage, "rejected"), Continue)
    return not (passed or refused or (isinstance(step, ApprovalDef) and Silence.APPROVE in quiet))


def _two_writers(flow: FlowDef, reads: Reads) -> Iterator[Finding]:
    both: dict[tuple[str, int], tuple[Step, Step, list[str]]] = {}
    for path, writers in reads.writers.items():
        spec = flow.facts.get(path)
        if spec is not None and spec.source in (Source.CRM, Source.ERP):
            first = writers[0].step
            what = f"{called(first)} writes {path!r}, which the {spec.source.upper()} writes as well"
            remedy = f"declare {path!r} with fact(STEP) in facts.py, or let the step write another fact"
            yield found(flow, "two_writers", first.line, what, remedy)
        for earlier, later in combinations(writers[:_MOST_WRITERS], 2):
            if satisfiable([*earlier.rules, *later.rules], flow.facts):
                both.setdefault((earlier.step.id, later.step.line), (earlier.step, later.step, []))[2].append(path)
                break
    for one, other, paths in both.values():
        what = f"{called(other)} writes {', '.join(map(repr, paths))}, as {called(one)} (line {one.line}) does"
        remedy = "keep one of them, or put them on the two sides of a When"
        yield found(flow, "two_writers", other.line, what, remedy)


def _documents(reads: Reads, place: Place, known: Known) -> Iterator[Finding]:
    step, flow = place.step, reads.flow
    if isinstance(step, SignatureDef):
        what = _unmade(reads, place, step.document, known)
        if what:
            remedy = f'put Render("{step.document}", template="...") before it'
            yield found(flow, "unrendered_signature", step.line, f"{called(step)}: {what}", remedy)
    if isinstance(step, HandoffDef):
        packet = flow.packets.get(step.packet)
        for field in packet.fields if packet else ():
            if field.document and (what := _unmade(reads, place, field.document, known)):
                what = f"{called(step)}: its packet wants the document {field.document!r}; {what}"
                remedy = f'put Render("{field.document}", template="...") before it, or take it out of the packet'
                yield found(flow, "unrendered_document", step.line, what, remedy)


def _unmade(reads: Reads, place: Place, document: str, known: Known) -> str:
    """Return why a document may not be there when a step wants it; nothing where it always is."""
    renders = reads.renders.get(document, [])
    if document not in known.documents:
        return f"no step before it renders {document!r}"
    missed: Wanted = [(Every(rules=render.rules), NO) for render in renders]
    if possible([(Every(rules=place.rules), YES), *missed], reads.flow.facts):
        lines = ", ".join(str(render.step.line) for render in renders)
        return f"{document!r} is rendered on some ways only (line {lines})"
    return ""
