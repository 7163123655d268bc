"""Who is asked, and whether they can answer: roles nobody has, gates nobody can pass, the same thing asked twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

from models.asking import Choice, Group, Named, Owner, Role, Table, Who, who_key, who_words
from models.flow import ApprovalDef, FlowDef, HandoffDef, Step, TaskDef
from models.reasoning import satisfiable
from workflows.binding import alternatives
from workflows.checks_codes import Finding, Menu, called, found, nearest
from workflows.checks_tables import Asked, asked_ways
from workflows.checks_tree import Place, patience_of
from workflows.table_words import placeless

ADMIN = "admin"
"""The role that may decide in place of whoever is asked."""


def people(flow: FlowDef, menu: Menu, placed: list[Place]) -> Iterator[Finding]:
    """Yield what is wrong with who is asked."""
    yield from _known(flow, menu, flow.line, flow.owner, "the flow's owner")
    order = {place.step.id: i for i, place in enumerate(placed)}
    for i, place in enumerate(placed):
        step = place.step
        yield from _known(flow, menu, step.line, _everybody(step), called(step))
        yield from _enough(flow, place)
        yield from _circles(flow, step)
        if isinstance(step, ApprovalDef):
            for other in step.not_same_as:
                if order.get(other, -1) >= i:
                    what = f"{called(step)}: not_same_as names {other!r}, which is asked later or is this step"
                    remedy = "say not_same_as= at the later one of the two, naming the earlier one"
                    yield found(flow, "not_same_as_later", step.line, what, remedy)
            if menu.people is not None:
                yield from _seated(flow, menu, place, {each.step.id: each for each in placed})
                yield from _overridden(flow, menu, step)
    yield from _twice(flow, menu, placed)


def _everybody(step: Step) -> list[Who]:
    asked: list[Any] = []
    for value in (getattr(step, "by", ()), getattr(step, "to", ())):
        for each in alternatives(value):
            asked += each if isinstance(each, tuple) else [each]
    for ladder in alternatives(patience_of(step).escalate_to):
        asked += [who for rung in ladder.rungs for who in rung]
    return [*asked, *patience_of(step).fallback]


def _known(flow: FlowDef, menu: Menu, line: int, asked: Iterable[Any], where: str) -> Iterator[Finding]:
    for who in asked:
        match who:
            case Role() | Group() if who.role not in menu.roles:
                what = f"{where}: nobody has the role {who.role!r}"
                yield found(flow, "unknown_role", line, what, nearest(who.role, menu.roles))
            case Named() if menu.people is not None and who.person not in (everybody := _everyone(menu)):
                what = f"{where}: there is nobody called {who.person!r}"
                yield found(flow, "unknown_person", line, what, nearest(who.person, everybody))
            case Owner() if who.fact not in flow.facts:
                what = f"{where} names {who.fact!r}, which is no fact of this flow"
                remedy = f"declare it in facts.py; {nearest(who.fact, flow.facts)}"
                yield found(flow, "unknown_fact", line, what, remedy)
            case Table():
                for row in who.rows:
                    yield from _known(flow, menu, row.line, row.who, f"table {who.name!r}")


def _everyone(menu: Menu) -> frozenset[str]:
    return frozenset().union(*(menu.people or {}).values())


def _circles(flow: FlowDef, step: Step) -> Iterator[Finding]:
    """Yield rungs and fallbacks that name nobody but who is asked already."""
    patience = patience_of(step)
    firsts = [frozenset(map(who_key, asked)) for asked in _gates(step)]
    for ladder in alternatives(patience.escalate_to):
        asked = frozenset.intersection(*firsts) if firsts else frozenset()
        for i, rung in enumerate(ladder.rungs, 1):
            keys = frozenset(map(who_key, rung))
            if keys and keys <= asked:
                what = f"{called(step)}: rung {i} of escalate_to asks {_named(rung)}, who is asked already"
                yield found(flow, "escalates_in_circle", step.line, what, "name somebody else there, or take it away")
                break
            asked |= keys
    if patience.fallback and any(frozenset(map(who_key, patience.fallback)) <= asked for asked in firsts):
        what = f"{called(step)}: fallback= asks {_named(patience.fallback)}, who is asked already"
        yield found(flow, "idle_fallback", step.line, what, "name somebody else there, or take fallback= away")


def _overridden(flow: FlowDef, menu: Menu, step: ApprovalDef) -> Iterator[Finding]:
    admins = (menu.people or {}).get(ADMIN, frozenset())
    if step.override == "two" and len(admins) < 2:
        what = f"{called(step)}: override wants two administrators, and there is {', '.join(admins) or 'nobody'}"
        remedy = f'give the role {ADMIN} to more people, or say override="one" or "none"'
        yield found(flow, "too_few_admins", step.line, what, remedy)


def _named(whom: Iterable[Who]) -> str:
    return " and ".join(who_words(who) for who in whom)


def _gates(step: Step) -> list[tuple[Who, ...]]:
    """Return every list of parties that may be asked first."""
    if not isinstance(step, ApprovalDef | TaskDef | HandoffDef):
        return []
    return alternatives(step.to if isinstance(step, HandoffDef) else step.by)


def _enough(flow: FlowDef, place: Place) -> Iterator[Finding]:
    """Yield gates that ask nobody, and such that need more or fewer answers than they ask."""
    step = place.step
    for asked in _gates(step):
        if not asked:
            remedy = "name a role, or use person(), group(), managers(), owner(), customer() or table()"
            yield found(flow, "nobody_asked", step.line, f"{called(step)}: it asks nobody", remedy)
        for who in (
            *asked,
            *(who for table in asked if isinstance(table, Table) for row in table.rows for who in row.who),
        ):
            if isinstance(who, Group) and who.need < 1:
                what = f"{called(step)}: it needs {who.need} of {who.role.replace('_', ' ')}"
                yield found(flow, "need_too_small", step.line, what, "need at least one answer")
    need = step.need if isinstance(step, ApprovalDef) else "all"
    if isinstance(need, int) and need < 1:
        what = f"{called(step)}: it needs {need} answers"
        yield found(flow, "need_too_small", step.line, what, 'need at least one answer, "any" or "all"')
    if isinstance(need, int):
        for way in asked_ways(flow, place):
            n = len(way.parties)
            if way.parties and need > n:
                what = f"{called(step)}: it needs {need} answers and asks {n}: {_named(way.parties)}"
                what += f", for {way.deals}" if way.deals else ""
                remedy = f"ask {need}, or say need={n}; for several people of one role write group(role, {need})"
                yield found(flow, "need_too_large", way.line, what, remedy)


def _seated(flow: FlowDef, menu: Menu, place: Place, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Yield gates that the people there are cannot pass: every seat wants a person of its own."""
    step = place.step
    assert isinstance(step, ApprovalDef)
    for asked in asked_ways(flow, place):
        if any(isinstance(who, Role | Group) and who.role not in menu.roles for who in asked.parties):
            continue
        if any(isinstance(who, Named) and who.person not in _everyone(menu) for who in asked.parties):
            continue
        alone = _seatings(menu, step, asked.parties)
        if not any(_fits(seats) for seats in alone):
            yield _too_few(flow, menu, step, asked, "")
            continue
        for other in step.not_same_as:
            before = places.get(other)
            if before is None or not isinstance(before.step, ApprovalDef) or before.step.id == step.id:
                continue
            theirs = [
                seats for each in asked_ways(flow, before) for seats in _seatings(menu, before.step, each.parties)
            ]
            if not any(_fits([*mine, *others]) for mine in alone for others in theirs):
                yield _too_few(flow, menu, step, asked, f", none of whom may have answered {called(before.step)}")


def _too_few(flow: FlowDef, menu: Menu, step: ApprovalDef, asked: Asked, also: str) -> Finding:
    there = sorted({person for who in asked.parties for person in _of(menu, who) or ()})
    climbing = [who for ladder in alternatives(step.patience.escalate_to) for rung in ladder.rungs for who in rung]
    what = f"{called(step)}: it needs {_named(asked.parties)}, each a different person{also}"
    what += f", for {asked.deals}" if asked.deals else ""
    what += f"; there is {', '.join(there) or 'nobody'}"
    if climbing:
        what += f", until it is late and {_named(climbing)} is asked too"
    return found(flow, "too_few_people", asked.line, what, "give the role to more people, or ask fewer or others")


def _seatings(menu: Menu, step: ApprovalDef, asked: Sequence[Who]) -> list[list[frozenset[str] | None]]:
    """Return every way to pass a gate: who could give each answer; None is somebody only a running deal knows."""
    parties = [[_of(menu, who)] * (who.need if isinstance(who, Group) else 1) for who in asked]
    need = len(parties) if step.need == "all" else 1 if step.need == "any" else min(step.need, len(parties))
    return [[seat for seats in some for seat in seats] for some in islice(combinations(parties, max(need, 0)), 500)]


def _of(menu: Menu, who: Who) -> frozenset[str] | None:
    if isinstance(who, Named):
        return frozenset({who.person})
    return (menu.people or {}).get(who.role, frozenset()) if isinstance(who, Role | Group) else None


def _fits(seats: Sequence[frozenset[str] | None]) -> bool:
    """Return whether everybody needed can be a different person: a small matching."""
    taken: dict[str, int] = {}
    known = [seat for seat in seats if seat is not None]

    def seated(i: int, tried: set[str]) -> bool:
        for person in sorted(known[i] - tried):
            tried.add(person)
            if person not in taken or seated(taken[person], tried):
                taken[person] = i
                return True
        return False

    return all(seated(i, set()) for i in range(len(known)))


def _twice(flow: FlowDef, menu: Menu, placed: list[Place]) -> Iterator[Finding]:
    """Yield approvals that ask the same people to sign the same facts as one before them."""
    before: dict[Any, Place] = {}
    for place in placed:
        step = place.step
        if not isinstance(step, ApprovalDef) or isinstance(step.by, Choice) or step.advisory or step.form is not None:
            continue
        asks = (frozenset(_party(menu, who) for who in step.by), frozenset(step.covered))
        twin = before.get(asks)
        before[asks] = place
        if twin is None or step.repeat == "if consecutive" or twin.step.id in step.not_same_as:
            continue
        if satisfiable([*twin.rules, *place.rules], flow.facts):
            what = (
                f"{called(step)} asks {' and '.join(who_words(who) for who in step.by)} for the same facts as "
                f"{called(twin.step)} in line {twin.step.line}"
            )
            remedy = 'make it one approval, say what each covers with covers=, or add repeat="if consecutive"'
            yield found(flow, "asked_twice", step.line, what, remedy)


def _party(menu: Menu, who: Who) -> str:
    """Return whom a party comes to: the person where only one has the role."""
    if isinstance(who, Table):
        return repr(placeless(who))
    mine = _of(menu, who)
    alone = mine is not None and len(mine) == 1 and not (isinstance(who, Group) and who.need > 1)
    return f"person:{next(iter(mine))}" if alone and mine else f"{who_key(who)}:{getattr(who, 'need', 1)}"
