"""Which deals a rehearsal is of: an ordinary one, scenarios of the flow, or varied ones by seed; and when they come."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from models.boundaries import atoms, meeting
from models.calendar import Working, later
from models.facts import FactSpec, Source
from models.flow import EndDef, FlowDef, writes
from models.given import assumed
from models.money import Money, Percent
from models.people import BusinessTime, Directory
from models.rules import Compare, Rule, facts_of, holds, rank
from models.values import Day, Flag, Moment, Number, Text, Value, Whole
from workflows.library import COMPANY_CURRENCY
from workflows.rehearsal.people import Company, Draw, draws

SIGNATORY = "Ada Signer <ada@customer.example>"
MOST_DEALS = 2000
_SOLVED_UP_TO = 60
"""Steps of a flow whose scenarios are worked out; deals of a larger one vary by type and rule alone."""
_ORDINARY = 0.6
"""So many of the varied deals are ordinary ones with other figures; the others go a scenario's way."""
_CLOSES_IN = timedelta(days=45)


@dataclass(frozen=True)
class Deal:
    """One deal that arrives: when, what is known of it, and what it is called."""

    id: str
    at: datetime
    facts: Mapping[str, Value]
    name: str = ""


def ordinary(flow: FlowDef, company: Company, start: datetime) -> dict[str, Value]:
    """Return the facts of an ordinary deal; what nobody gives is made up."""
    written = _by_steps(flow)
    found = {path: dated(assumed(flow, spec), start) for path, spec in flow.facts.items() if path not in written}
    if "owner" in found:
        found["owner"] = Text(v=_owner(company, None))
    for path in ("signatory", "contact"):
        if path in found and "@" not in str(found[path]):
            found[path] = Text(v=SIGNATORY)
    return {**found, **_spared(flow, found)}


def varied(
    flow: FlowDef, company: Company, clock: BusinessTime, working: Working, start: datetime, months: float, number: int,
    seed: int, given: Sequence[Mapping[str, Value]] = (),
) -> Iterator[Deal]:  # fmt: skip
    """Yield deals that arrive in the company's hours over some months; `given` facts are taken in turn."""
    ways = [] if given else _ways(flow, company, clock, start)
    base = ordinary(flow, company, start)
    rules = [rule for placed in flow.steps.values() for rule in placed.rules]
    lines = _lines(rules)
    span = working.clock(start + timedelta(days=30.44 * months)) - working.clock(start)
    for i in range(number):
        draw = draws(seed, "deal", i)
        at = later(working, start, span * draw.random())
        if given:
            facts, name = {**base, **given[i % len(given)]}, ""
        elif ways and draw.random() > _ORDINARY:
            name, chosen = ways[draw.randrange(len(ways))]
            facts = {**base, **chosen}
        else:
            facts, name = _other(flow, base, lines, draw), "ordinary"
        if not given and "owner" in facts:
            facts["owner"] = Text(v=_owner(company, draw))
        yield Deal(f"deal/rehearsal/{i + 1}", at, facts, name)


def _spared(flow: FlowDef, facts: Mapping[str, Value]) -> dict[str, Value]:
    """Return what keeps an ordinary deal from endings in the middle of its flow: it is not withdrawn, not refused."""
    spared: dict[str, Value] = {}
    for placed in flow.steps.values():
        known = {**facts, **spared}
        if isinstance(placed.step, EndDef) and all(holds(rule, known, COMPANY_CURRENCY) for rule in placed.rules):
            for rule in placed.rules:
                other = meeting(~rule, known, COMPANY_CURRENCY, flow.facts, facts_of(rule))
                if other:
                    spared |= other
                    break
    return spared


def _ways(
    flow: FlowDef, company: Company, clock: BusinessTime, start: datetime
) -> list[tuple[str, Mapping[str, Value]]]:
    from workflows.scenarios import scenarios

    if len(flow.steps) > _SOLVED_UP_TO:
        return []
    usual = {path: value for path, value in ordinary(flow, company, start).items() if path in flow.facts}
    found = scenarios(flow, people=Directory(company.people), clock=clock, start=start, usual=usual)
    return [(each.name, each.facts) for each in found.scenarios]


def _by_steps(flow: FlowDef) -> set[str]:
    return {path for placed in flow.steps.values() for path in writes(placed.step, flow)}


def _owner(company: Company, draw: Draw | None) -> str:
    able = [p for role in ("account_executive", "sales") for p in company.people if p.active and role in p.roles]
    people = able or [p for p in company.people if p.active]
    if not people:
        return "owner"
    return people[0 if draw is None else draw.randrange(len(people))].id


def dated(value: Value, start: datetime) -> Value:
    """Dates made up lie some weeks after the deal arrives, or it would wait for years."""
    if isinstance(value, Day):
        return Day(v=(start + _CLOSES_IN).date())
    return Moment(v=start + _CLOSES_IN) if isinstance(value, Moment) else value


def _lines(rules: Sequence[Rule]) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = {}
    for atom in (each for rule in rules for each in atoms(rule)):
        if isinstance(atom, Compare):
            found.setdefault(atom.fact, []).extend(atom.values)
    return found


def _other(
    flow: FlowDef, base: Mapping[str, Value], lines: Mapping[str, Sequence[Value]], draw: Draw
) -> dict[str, Value]:
    """Return an ordinary deal with other figures: on both sides of the lines its rules draw."""
    facts = dict(base)
    for path, spec in flow.facts.items():
        if spec.source is not Source.PERSON and path.partition(".")[0] not in flow.forms:
            made = _figure(spec, base.get(path), lines.get(path, ()), draw)
            if made is not None:
                facts[path] = made
    return facts


def _figure(spec: FactSpec, usual: Value | None, lines: Sequence[Value], draw: Draw) -> Value | None:
    if spec.options:
        return Text(v=draw.choice(spec.options))
    drawn = [rank(line) for line in lines]
    sizes = [float(size) for size in drawn if size is not None and size > 0]
    low, high = (0.4 * min(sizes), 1.4 * max(sizes)) if sizes else (0.0, 0.0)
    match spec.type:
        case "flag":
            return Flag(v=draw.random() < 0.5)
        case "money":
            currency = next((line.currency for line in lines if isinstance(line, Money)), "USD")
            amount = math.exp(draw.uniform(math.log(low or 8_000), math.log(high or 400_000)))
            return Money(amount=Decimal(round(amount, -2)), currency=currency)
        case "percent":
            return Percent(value=Decimal(round(draw.uniform(low, min(high, 100)) if sizes else draw.uniform(5, 40))))
        case "whole" if sizes:
            return Whole(v=round(draw.uniform(low, high)))
        case "number" if sizes:
            return Number(v=Decimal(str(round(draw.uniform(low, high), 2))))
        case "text" if lines:
            return draw.choice([*lines, *([usual] if usual is not None else [])])
    return None
