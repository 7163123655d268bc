"""Rule tables: deals and days no row is for, rows no deal comes to, and rows of which only their order decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import Any, NamedTuple

from models.asking import Choice, Ladder, Row, Table, Who, who_key
from models.examples import Deals
from models.flow import FlowDef, Step, rule_facts
from models.reasoning import NO, UNDECIDED, YES, satisfiable
from models.rules import Rule, holds, text
from models.values import Value
from workflows.checks_codes import Finding, called, found
from workflows.checks_rules import alone
from workflows.checks_tree import Place, patience_of
from workflows.table_words import placeless, span_words

Wanted = list[tuple[Rule, int]]


class Used(NamedTuple):
    """A rule table where a step looks in it, and the rules under which it does."""

    table: Table
    rules: tuple[Rule, ...]

    @property
    def context(self) -> Wanted:
        return [(rule, YES) for rule in self.rules]


class Period(NamedTuple):
    """Days on which the same rows are in force; None is no end."""

    first: date | None
    last: date | None
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        return span_words(self.first, self.last)


class Asked(NamedTuple):
    """Whom a step asks for some of its deals; `deals` and `line` are those of the row that says so, if one does."""

    parties: tuple[Who, ...]
    deals: str
    line: int


def tables(flow: FlowDef, placed: list[Place]) -> Iterator[Finding]:
    """Yield what is wrong with the rule tables that steps look in."""
    named: dict[str, Table] = {}
    for place in placed:
        for used in used_by(place):
            table = used.table
            twin = named.setdefault(table.name, table)
            if twin is not table and placeless(twin) != placeless(table):
                what = f"table {table.name!r} has other rows than the table of this name in line {twin.line}"
                yield found(flow, "two_tables", table.line, what, "give one of them another name")
            if satisfiable(used.rules, flow.facts):
                looked = _Looked(flow, place.step, used, _deals(flow, used))
                yield from _rows(looked)
                yield from _gaps(looked)


class _Looked(NamedTuple):
    """A table where a step looks in it, and the deals its rows tell apart."""

    flow: FlowDef
    step: Step
    used: Used
    deals: Deals

    @property
    def name(self) -> str:
        return f"{called(self.step)}: table {self.used.table.name!r}"

    def example(self, wanted: Wanted) -> dict[str, Value] | None:
        return self.deals.example([*self.used.context, *wanted])

    def never(self, wanted: Wanted) -> bool:
        return self.deals.never([*self.used.context, *wanted])

    def told(self, one: dict[str, Value]) -> str:
        return self.deals.words(one, self.used.table.facts)


def _deals(flow: FlowDef, used: Used) -> Deals:
    return Deals([*used.rules, *(row.when for row in used.table.rows if row.when is not None)], flow.facts)


def used_by(place: Place) -> Iterator[Used]:
    """Yield the tables a step looks in, those for whom it asks when it is late or when nobody is there included."""
    step, patience = place.step, patience_of(place.step)
    for value in (getattr(step, "by", ()), getattr(step, "to", ()), patience.escalate_to, patience.fallback):
        for each, rules in _alternatives(value):
            rungs = each.rungs if isinstance(each, Ladder) else (each if isinstance(each, tuple) else (each,),)
            yield from (Used(who, (*place.rules, *rules)) for rung in rungs for who in rung if isinstance(who, Table))


def asked_ways(flow: FlowDef, place: Place) -> Iterator[Asked]:
    """Yield every list of parties that a step may ask first, rule tables looked up."""
    step = place.step
    for each, rules in _alternatives(getattr(step, "by", None) or getattr(step, "to", ())):
        whom = each if isinstance(each, tuple) else (each,)
        looked = [who for who in whom if isinstance(who, Table)]
        plain = tuple(who for who in whom if not isinstance(who, Table))
        if not looked:
            yield Asked(plain, "", step.line)
        for table in looked:
            yield from _asked_by(flow, Used(table, (*place.rules, *rules)), plain if len(looked) == 1 else None)


def periods(table: Table) -> list[Period]:
    """Return the days on which the same rows are in force, from the first day of the first row on."""
    edges = {row.since for row in table.rows if row.since} | {
        row.until + timedelta(days=1) for row in table.rows if row.until and row.until < date.max
    }
    starts: list[date | None] = [*sorted(edges)]
    if any(row.since is None for row in table.rows):
        starts.insert(0, None)
    found: list[Period] = []
    for first, after in zip(starts, [*starts[1:], None], strict=True):
        last = after - timedelta(days=1) if after else None
        at = first or last or date.max
        found.append(Period(first, last, tuple(row for row in table.rows if row.in_force(at))))
    return found


def reached(table: Table, row: Row, period: Period) -> Wanted | None:
    """Return what must be so for a deal of these days to come to a row; None where a row before it takes all."""
    wanted: Wanted = [(row.when, YES)] if row.when is not None else []
    if table.match == "first":
        for before in period.rows[: period.rows.index(row)]:
            if before.when is None:
                return None
            wanted.append((before.when, NO))
    return wanted


def waiting(used: Used, path: str) -> Iterator[Wanted]:
    """Yield what must be so for a row to wait for a fact, as nothing before it says whom to ask."""
    for period in periods(used.table):
        for row in period.rows:
            before = reached(used.table, row, period)
            if before is not None and row.when is not None and path in rule_facts((row.when,)):
                yield [*((rule, YES) for rule in used.rules), *before[1:], (row.when, UNDECIDED)]


def _asked_by(flow: FlowDef, used: Used, others: tuple[Who, ...] | None) -> Iterator[Asked]:
    """Yield whom each row that a deal can come to names, with the parties asked beside; nothing beside other tables."""
    told: set[tuple[Who, ...]] = set()
    deals = _deals(flow, used)
    for period in periods(used.table) if others is not None else ():
        for row in period.rows:
            for wanted in _together(used, deals, row, period):
                holding = [each for each in period.rows if each.when is None or (each.when, YES) in wanted]
                rows = holding if used.table.match == "all" else [row]
                named = {who_key(who): who for each in rows for who in each.who}
                one = deals.example([*used.context, *wanted])
                if one is not None and tuple(named.values()) not in told:
                    told.add(tuple(named.values()))
                    yield Asked((*(others or ()), *named.values()), deals.words(one, used.table.facts), row.line)


def _together(used: Used, deals: Deals, row: Row, period: Period) -> Iterator[Wanted]:
    """Yield what must be so for a row to name people: with as few of the others as can be, and with as many."""
    first = reached(used.table, row, period)
    if first is None:
        return
    if used.table.match == "first":
        yield first
        return
    for ways in ((NO, YES), (YES, NO)):
        wanted = list(first)
        for other in period.rows:
            if other is not row and other.when is not None:
                can = (way for way in ways if deals.example([*used.context, *wanted, (other.when, way)]) is not None)
                wanted.append((other.when, next(can, NO | UNDECIDED | YES)))
        yield wanted


def _gaps(looked: _Looked) -> Iterator[Finding]:
    """Yield the deals and the days for which a table names nobody."""
    told: set[str] = set()
    line = looked.used.table.line
    for period in periods(looked.used.table):
        when = f" {period}" if str(period) else ""
        if not period.rows:
            what, remedy = f"{looked.name} has no row in force{when}", "let a row begin on the day after another ends"
            yield found(looked.flow, "table_gap", line, what, remedy)
            continue
        if any(row.when is None for row in period.rows):
            continue
        one = looked.example([(row.when, NO) for row in period.rows if row.when is not None])
        which = (looked.told(one) or "any deal") if one is not None else ""
        if one is not None and which not in told:
            told.add(which)
            what = f"{looked.name} names nobody for {which}{when}"
            yield found(looked.flow, "table_gap", line, what, "add a row for it, or a last row without when=")


def _rows(looked: _Looked) -> Iterator[Finding]:
    table, sound = looked.used.table, list[Row]()
    for row in table.rows:
        where = f"table {table.name!r}: the row"
        told = list(alone(looked.flow, row.line, where, row.when)) if row.when is not None else []
        yield from told
        if any(each.code == "never_true" for each in told):
            continue
        if row.when is not None and looked.never([(row.when, YES)]):
            what = f"{called(looked.step)}: {where} {text(row.when)} is for no deal that comes here"
            yield found(looked.flow, "unreachable_row", row.line, what, "correct its values, or take the row away")
            continue
        taken = _taken(looked, row) if table.match == "first" else None
        if taken is not None:
            yield taken
        else:
            sound.append(row)
    if table.match == "first":
        for one, other in combinations(sound, 2):
            yield from _competing(looked, one, other)


def _taken(looked: _Looked, row: Row) -> Finding | None:
    """Return that a row is not reached, ever or on the day it begins, since the rows before it take what it is for."""
    table = looked.used.table
    mine = [period for period in periods(table) if row in period.rows]
    late: list[Period] = []
    for period in mine:
        wanted = reached(table, row, period)
        if wanted is not None and not looked.never(wanted):
            break
        late.append(period)
    never = len(late) == len(mine)
    if not late or not (never or row.since is not None):
        return None
    one = looked.example([(row.when, YES)] if row.when is not None else []) or {}
    before = late[0].rows[: late[0].rows.index(row)]
    first = next((b for b in before if b.when is None or holds(b.when, one, looked.deals.rates)), before[0])
    which = looked.told(one) or "every deal"
    if never:
        what = f"{looked.name}: no deal comes to this row; {which} goes to line {first.line} first"
        remedy = "put it before that row, let that row be for less, or take this one away"
    else:
        span = Period(late[0].first, late[-1].last, ())
        what = f"{looked.name}: no deal comes to this row {span}; {which} goes to line {first.line} first"
        what += ", which is still in force"
        remedy = f"end line {first.line} with until= on the day before this row begins"
    return found(looked.flow, "table_overlap", row.line, what, remedy)


def _competing(looked: _Looked, one: Row, other: Row) -> Iterator[Finding]:
    """Yield two rows about the same facts of which neither holds the other, and that both are for some deal."""
    if one.when is None or other.when is None or one.who == other.who:
        return
    both = looked.example([(one.when, YES), (other.when, YES)])
    if both is None or set(rule_facts((one.when,))) != set(rule_facts((other.when,))):
        return
    if not any(one in period.rows and other in period.rows for period in periods(looked.used.table)):
        return
    apart: tuple[Wanted, ...] = ([(one.when, YES), (other.when, NO)], [(one.when, NO), (other.when, YES)])
    if all(looked.example(each) is not None for each in apart):
        what = f"{looked.name}: {looked.told(both)} is for this row and for line {one.line}, which comes first"
        remedy = "let the two be for different deals, or write one inside the other, the narrower one first"
        yield found(looked.flow, "rows_compete", other.line, what, remedy)


def _alternatives(value: Any) -> Iterator[tuple[Any, Sequence[Rule]]]:
    """Yield every value a parameter can take, with the rules under which it does."""
    if not isinstance(value, Choice):
        yield value, ()
        return
    before: list[Rule] = []
    for rule, pick in value.picks:
        yield pick, (*before, rule)
        before.append(~rule)
    yield value.otherwise, before
