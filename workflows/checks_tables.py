"""Rule tables: deals and days no row is for, rows no deal comes to, and rows of which only their order decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, islice
from typing import Any, NamedTuple

from models.asking import Choice, Ladder, Row, Table, Who, who_key
from models.examples import example, words
from models.flow import FlowDef, Step, rule_facts
from models.money import Money
from models.reasoning import NO, UNDECIDED, YES, possible, satisfiable
from models.rules import Rule, holds, text
from models.values import Value
from workflows.checks_codes import Finding, called, found
from workflows.checks_rules import alone
from workflows.checks_tree import Place, patience_of
from workflows.table_words import placeless, span_words

Wanted = list[tuple[Rule, int]]
_MOST_PAIRS = 3_000
"""Of a longer table the rows that come first are compared with each other."""


class Used(NamedTuple):
    """A rule table where a step looks in it, and the rules under which it does."""

    table: Table
    rules: tuple[Rule, ...]


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
                yield from _rows(flow, place.step, used)
                yield from _gaps(flow, place.step, used)


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


def deals(flow: FlowDef, used: Used, wanted: Wanted) -> str | None:
    """Return the deals for which rules come to what is wanted, by the facts of the table; None where none is found."""
    one = example([*((rule, YES) for rule in used.rules), *wanted], flow.facts)
    return _said(flow, used, one) if one is not None else None


def _asked_by(flow: FlowDef, used: Used, others: tuple[Who, ...] | None) -> Iterator[Asked]:
    """Yield whom each row that a deal can come to names, with the parties asked beside; nothing beside other tables."""
    told: set[tuple[Who, ...]] = set()
    many = used.table.match == "all"
    for period in periods(used.table) if others is not None else ():
        for row in period.rows:
            for wanted in _together(flow, used, row, period):
                holding = [each for each in period.rows if each.when is None or (each.when, YES) in wanted]
                named = {who_key(who): who for each in (holding if many else [row]) for who in each.who}
                which = deals(flow, used, wanted)
                if which is not None and tuple(named.values()) not in told:
                    told.add(tuple(named.values()))
                    yield Asked((*(others or ()), *named.values()), which, row.line)


def _together(flow: FlowDef, used: Used, row: Row, period: Period) -> Iterator[Wanted]:
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
                both = [*((rule, YES) for rule in used.rules), *wanted]
                way = next((way for way in ways if possible([*both, (other.when, way)], flow.facts)), UNDECIDED)
                wanted.append((other.when, way))
        yield wanted


def _said(flow: FlowDef, used: Used, one: dict[str, Value]) -> str:
    rules = [*used.rules, *(row.when for row in used.table.rows if row.when is not None)]
    return words(one, used.table.facts, rules, flow.facts)


def _gaps(flow: FlowDef, step: Step, used: Used) -> Iterator[Finding]:
    """Yield the deals and the days for which a table names nobody."""
    table = used.table
    told: set[str] = set()
    for period in periods(table):
        if any(row.when is None for row in period.rows):
            continue
        wanted: Wanted = [(row.when, NO) for row in period.rows if row.when is not None]
        if not possible([*((rule, YES) for rule in used.rules), *wanted], flow.facts):
            continue
        which = deals(flow, used, wanted) if wanted else None
        if wanted and (which is None or which in told):
            continue  # told of other days, or about several currencies, which only a running deal can compare
        told.add(which or "")
        when = str(period)
        if not period.rows:
            what = f"{called(step)}: table {table.name!r} has no row in force {when}"
            remedy = "let a row begin where another ends, or take the until= of the last one away"
        else:
            what = f"{called(step)}: table {table.name!r} names nobody for {which or 'a deal'}"
            what += f" {when}" if when else ""
            remedy = "add a row for it, or a last row without when="
        yield found(flow, "table_gap", table.line, what, remedy)


def _rows(flow: FlowDef, step: Step, used: Used) -> Iterator[Finding]:
    table = used.table
    sound: list[Row] = []
    for row in table.rows:
        where = f"table {table.name!r}: the row"
        told = list(alone(flow, row.line, where, row.when)) if row.when is not None else []
        yield from told
        if any(each.code == "never_true" for each in told):
            continue
        if row.when is not None and not satisfiable([*used.rules, row.when], flow.facts):
            what = f"{called(step)}: {where} {text(row.when)} is for no deal that comes here"
            yield found(flow, "unreachable_row", row.line, what, "correct its values, or take the row away")
            continue
        taken = _taken(flow, step, used, row) if table.match == "first" else None
        if taken is not None:
            yield taken
        else:
            sound.append(row)
    if table.match == "first":
        for one, other in islice(combinations(sound, 2), _MOST_PAIRS):
            yield from _competing(flow, step, used, one, other)


def _taken(flow: FlowDef, step: Step, used: Used, row: Row) -> Finding | None:
    """Return that a row is not reached, ever or on the day it begins, since the rows before it take what it is for."""
    table, context = used.table, [(rule, YES) for rule in used.rules]
    mine = [period for period in periods(table) if row in period.rows]
    late: list[Period] = []
    for period in mine:
        wanted = reached(table, row, period)
        if wanted is not None and possible([*context, *wanted], flow.facts):
            break
        late.append(period)
    never = len(late) == len(mine)
    if not late or not (never or row.since is not None):
        return None
    own: Wanted = [(row.when, YES)] if row.when is not None else []
    one = example([*context, *own], flow.facts) or {}
    before = late[0].rows[: late[0].rows.index(row)]
    rates = {value.currency: Decimal(1) for value in one.values() if isinstance(value, Money)}
    first = next((each for each in before if each.when is None or holds(each.when, one, rates)), before[0])
    which = _said(flow, used, one) or "every deal"
    if never:
        what = (
            f"{called(step)}: table {table.name!r}: no deal comes to this row; {which} goes to line {first.line} first"
        )
        remedy = "put it before that row, let that row be for less, or take this one away"
    else:
        span = Period(late[0].first, late[-1].last, ())
        what = (
            f"{called(step)}: table {table.name!r}: no deal comes to this row {span}; {which} goes to line "
            f"{first.line} first, which is still in force"
        )
        remedy = f"end line {first.line} with until= on the day before this row begins"
    return found(flow, "table_overlap", row.line, what, remedy)


def _competing(flow: FlowDef, step: Step, used: Used, one: Row, other: Row) -> Iterator[Finding]:
    """Yield two rows about the same facts of which neither holds the other, and that both are for some deal."""
    if one.when is None or other.when is None or one.who == other.who:
        return
    if set(rule_facts((one.when,))) != set(rule_facts((other.when,))):
        return
    if not any(one in period.rows and other in period.rows for period in periods(used.table)):
        return
    context: Wanted = [(rule, YES) for rule in used.rules]
    apart: tuple[Wanted, ...] = ([(one.when, YES), (other.when, NO)], [(one.when, NO), (other.when, YES)])
    if not all(possible([*context, *each], flow.facts) for each in apart):
        return
    which = deals(flow, used, [(one.when, YES), (other.when, YES)])
    if which:
        what = (
            f"{called(step)}: table {used.table.name!r}: {which} is for this row and for line {one.line}, which comes "
            "first"
        )
        remedy = "let the two be for different deals, or write one inside the other, the narrower one first"
        yield found(flow, "rows_compete", other.line, what, remedy)


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
