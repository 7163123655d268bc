"""Policy coverage: every approval of every flow with whom it asks, its rule tables, and where nobody would be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api import approval_figures, queries
from api.approval_figures import Asked
from api.flows_on_offer import Offer, offer_of
from api.pages.addresses import flow_path
from api.pages.frame import show, words_of
from api.parts import With
from models.asking import Group, Ladder, Named, Patience, Role, Row, Table, Who, who_words
from models.flow import ApprovalDef, FlowDef, Placed, tables
from models.graph import Station, graph, joined
from models.rules import text
from models.tables.people import Person
from workflows.binding import alternatives
from workflows.checks_codes import Finding
from workflows.drawing.words import clock, who

router = APIRouter()
SHOWN = 4
"""How many holders of a role are named; the others are counted."""


@dataclass(frozen=True)
class Holders:
    """A role or a person that is named, and who that is today."""

    name: str
    people: Sequence[str]
    more: int


@dataclass(frozen=True)
class TableRow:
    """One line of a rule table as it is read."""

    when: str
    who: str
    since: str
    until: str
    in_force: bool
    line: int
    findings: Sequence[Finding]


@dataclass(frozen=True)
class TableShown:
    """A rule table with its lines."""

    name: str
    match: str
    line: int
    rows: Sequence[TableRow]
    findings: Sequence[Finding]


@dataclass(frozen=True)
class Policy:
    """One approval of a flow."""

    id: str
    title: str
    stage: str
    line: int
    rule: str
    asks: str
    clock: str
    fallback: str
    override: str
    holders: Sequence[Holders]
    tables: Sequence[TableShown]
    findings: Sequence[Finding]
    asked: Asked | None

    @property
    def unheld(self) -> list[str]:
        """What is named and nobody holds."""
        return [each.name for each in self.holders if not each.people]

    @property
    def lines(self) -> set[int]:
        """The lines of the file that are about it."""
        inner = [line for table in self.tables for line in (table.line, *(row.line for row in table.rows))]
        return {self.line, *inner}

    @property
    def mistakes(self) -> int:
        """How many findings there are about it, those of its tables' lines included."""
        inner = [*(table.findings for table in self.tables), *(r.findings for table in self.tables for r in table.rows)]
        return len(self.findings) + sum(map(len, inner))


@dataclass(frozen=True)
class FlowShown:
    """A flow with its approvals."""

    name: str
    version: int
    path: str
    policies: Sequence[Policy]
    findings: Sequence[Finding]

    @property
    def mistakes(self) -> int:
        """How many findings there are about its approvals and whom they ask."""
        return len(self.findings) + sum(policy.mistakes for policy in self.policies)

    @property
    def unheld(self) -> list[str]:
        """What its approvals name and nobody holds."""
        return sorted({name for policy in self.policies for name in policy.unheld})

    @property
    def asked(self) -> int:
        """How often its approvals were asked."""
        return sum(policy.asked.times for policy in self.policies if policy.asked)

    @property
    def last(self) -> datetime | None:
        """When one of its approvals was last asked."""
        return max((policy.asked.last for policy in self.policies if policy.asked), default=None)


@router.get("/policies")
async def policies(
    request: Request, parts: With, flow: Annotated[str, Query(max_length=120)] = "", gaps: bool = False
) -> Response:
    """Show who would be asked for what, and what the checks find with the people there are today."""
    offer = offer_of(parts.intake)
    async with parts.database.read() as session:
        people = await queries.people(session)
        asked = await approval_figures.asked(session)
    found = await asyncio.to_thread(_checked, offer, people)
    words = words_of(request)
    every = [_flow(each, found, people, asked, words.local(words.now).date()) for each in offer.library.flows]
    shown = [each for each in every if each.name == flow] if flow else every
    context = {
        "every": sorted(every, key=lambda each: (-each.asked, each.name)),
        "shown": shown[0] if flow and shown else None,
        "flow": flow,
        "gaps": gaps,
        "policies": sum(len(each.policies) for each in shown),
        "mistakes": sum(each.mistakes for each in shown),
        "unheld": sorted({name for each in shown for name in each.unheld}),
        "w": words,
    }
    return await show(request, "policies.html", context)


def _checked(offer: Offer, people: Mapping[str, Person]) -> list[Finding]:
    """Return what the checks find when gates are tried with the people there are."""
    holding: dict[str, frozenset[str]] = {}
    for person in people.values():
        for role in person.roles if person.active else ():
            holding[role] = holding.get(role, frozenset()) | {person.id}
    return offer.library.check(people=holding)


def _flow(
    flow: FlowDef, found: Iterable[Finding], people: Mapping[str, Person], asked: Mapping[tuple[str, str], Asked],
    today: date,
) -> FlowShown:  # fmt: skip
    own = [each for each in found if each.flow == f"{flow.name} version {flow.version}"]
    stations = graph(flow).stations
    shown = [
        _policy(placed, stations[step], own, people, asked.get((flow.name, step)), today)
        for step, placed in flow.steps.items()
        if isinstance(placed.step, ApprovalDef)
    ]
    lines = {line for policy in shown for line in policy.lines}
    about_people = [each for each in own if each.line not in lines and each.code in _OF_PEOPLE]
    return FlowShown(flow.name, flow.version, flow_path(flow.name), shown, about_people)


_OF_PEOPLE = frozenset({"unknown_role", "unknown_person", "too_few_people", "nobody_asked", "two_tables"})


def _policy(
    placed: Placed, station: Station, found: Sequence[Finding], people: Mapping[str, Person],
    asked: Asked | None, today: date,
) -> Policy:  # fmt: skip
    step = placed.step
    assert isinstance(step, ApprovalDef)
    looked = {table.name: table for table in tables(step)}
    inner = {row.line for table in looked.values() for row in table.rows} | {t.line for t in looked.values()}
    return Policy(
        id=step.id,
        title=station.title,
        stage=placed.stage.name,
        line=step.line,
        rule=joined(station.rules) or "every deal that comes there",
        asks=who(step),
        clock=clock(step),
        fallback=" and ".join(who_words(each) for each in step.patience.fallback),
        override=step.override,
        holders=[_holders(each, people) for each in _named_in(step)],
        tables=[_table(table, found, today) for table in looked.values()],
        findings=[each for each in found if each.line == step.line and each.line not in inner - {step.line}],
        asked=asked,
    )


def _table(table: Table, found: Sequence[Finding], today: date) -> TableShown:
    rows = [_row(row, found, today) for row in table.rows]
    lines = {row.line for row in table.rows}
    own = [each for each in found if each.line == table.line and each.line not in lines]
    match = "the first row that holds" if table.match == "first" else "every row that holds"
    return TableShown(table.name, match, table.line, rows, own)


def _row(row: Row, found: Sequence[Finding], today: date) -> TableRow:
    return TableRow(
        when=text(row.when) if row.when is not None else "otherwise",
        who=" and ".join(who_words(each) for each in row.who),
        since=row.since.isoformat() if row.since else "",
        until=row.until.isoformat() if row.until else "",
        in_force=row.in_force(today),
        line=row.line,
        findings=[each for each in found if each.line == row.line],
    )


def _named_in(step: ApprovalDef) -> list[Who]:
    """Return every role, group and person a step can come to ask: at first, when it is late, or as a fallback."""
    whom: list[Who] = [each for parties in alternatives(step.by) for each in parties]
    patience: Patience = step.patience
    for ladder in alternatives(patience.escalate_to):
        assert isinstance(ladder, Ladder)
        whom += [each for rung in ladder.rungs for each in rung]
    whom += patience.fallback
    whom += [each for table in tables(step) for row in table.rows for each in row.who]
    return list({_key(each): each for each in whom if isinstance(each, Role | Group | Named)}.values())


def _key(each: Role | Group | Named) -> str:
    return f"person:{each.person}" if isinstance(each, Named) else each.role


def _holders(each: Who, people: Mapping[str, Person]) -> Holders:
    if isinstance(each, Named):
        known = people.get(each.person)
        return Holders(each.person, [known.name] if known is not None and known.active else [], 0)
    assert isinstance(each, Role | Group)
    held = [p.name for p in people.values() if p.active and each.role in p.roles]
    return Holders(each.role.replace("_", " "), held[:SHOWN], max(0, len(held) - SHOWN))
