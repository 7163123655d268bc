"""The small words inside the twelve: endings, who is asked, what silence does, parameters that depend on facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal, TypeVar

from models.asking import Choice, Continue, Customer, Ending, Group, Managers, Named, Owner, Row, Silence, Table
from models.calendar import CalendarSpec
from models.facts import Fact
from models.hours import USUAL, calendar_of
from models.mistakes import Mistake
from models.rules import Rule
from workflows import wording
from workflows.wording import People

T = TypeVar("T")
CONTINUE = Continue()
"""As a route: go on as if the answer had been good; what it was stays recorded."""
ESCALATE, APPROVE, REJECT, EXPIRE = Silence.ESCALATE, Silence.APPROVE, Silence.REJECT, Silence.EXPIRE
"""What silence does: ask somebody else too, count as a yes, count as a no, or close and follow on_expire."""


def won() -> Ending:
    """End the deal as won; for Flow(completes=...) and as a step of its own."""
    return Ending(outcome="won")


def lost(reason: str) -> Ending:
    """End the deal as lost, for a named reason: on_reject=lost("no agreement on price"), or as a step of its own."""
    return Ending(outcome="lost", reason=reason)


def cancelled(reason: str) -> Ending:
    """End the deal as cancelled, for a named reason: on_expire=cancelled("no answer")."""
    return Ending(outcome="cancelled", reason=reason)


def group(role: str, need: int = 1) -> Group:
    """Ask a role, and need the answers of `need` different people of it: by=group("security", need=2)."""
    return Group(role=role, need=need)


def managers(n: int) -> Managers:
    """Ask the manager of the deal's owner, `n` levels up; by=[managers(1), managers(2)] is the chain."""
    if not isinstance(n, int) or n < 1:
        raise Mistake(f"managers({n!r}) is nobody's manager", "write managers(1) for the owner's own manager")
    return Managers(n=n)


def owner(of: Fact[str]) -> Owner:
    """Ask the person whom a fact names, by the person's id: by=owner(deal.region_lead)."""
    return Owner(fact=of.path)


def customer(contact: str) -> Customer:
    """Ask a contact of the customer, by what they are for: by=customer("signatory")."""
    return Customer(contact=contact)


def person(who: str) -> Named:
    """Ask one person of the company, by id: by=person("dana"). Prefer a role: it outlives whoever has it."""
    if not isinstance(who, str) or not who.strip():
        raise Mistake(f"{who!r} is nobody's id", 'write the id of a person, as in person("dana")')
    return Named(person=who)


def row(by: People, *, when: Rule | None = None, since: date | None = None, until: date | None = None) -> Row:
    """Write one line of a rule table: whom it names, for which deals, on which days.

        row("cfo", when=deal.amount > usd(100_000), since=date(2027, 1, 1))

    by: a role, person("..."), group(...), managers(1), owner(...), or a list: each of it is asked.
    when: the deals it is for. Without it, all of them: such a row comes last.
    since, until: its first and its last day. A deal keeps the rows of the day it first looked into the table.
    """
    for word, day in (("since", since), ("until", until)):
        if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
            raise Mistake(f"{word}={day!r} is no day", f"write {word}=date(2027, 1, 1)")
    if since is not None and until is not None and until < since:
        raise Mistake(f"the row ends on {until} before it begins on {since}", "correct since= or until=")
    return Row(when=wording.rule(when), who=wording.parties(by), since=since, until=until, line=wording.caller()[1])


def table(name: str, *rows: Row, match: Literal["first", "all"]) -> Table:
    """Ask whom a rule table names for this deal: its rows, from top to bottom.

        by=table("large-deals",
                 row("cfo", when=deal.amount > usd(100_000)),
                 row("vp_sales", when=deal.amount > usd(50_000)),
                 row(managers(1)),
                 match="first")

    match: "first" asks the people of the first row that holds, "all" those of every row that does.
    A running deal keeps the rows of the day it first used the table; `throughline flow check` finds gaps in it.
    """
    for each in rows:
        if not isinstance(each, Row):
            raise Mistake(
                f"table {name!r}: {wording.named(each)} is no row",
                'write row("cfo", when=deal.amount > usd(100_000)); the facts are read off the rules',
            )
    if not rows:
        raise Mistake(
            f"table {name!r} names nobody", 'give it rows, such as row("cfo", when=deal.amount > usd(100_000))'
        )
    if match not in ("first", "all"):
        raise Mistake(f"table {name!r}: match={match!r} is no way to choose", 'write match="first" or match="all"')
    return Table(name=name, match=match, rows=rows, line=wording.caller()[1])


def calendar(
    zone: str, hours: str | Mapping[str, str] = USUAL, *, country: str | None = None, region: str | None = None
) -> CalendarSpec:
    """Write the working hours of a request: hours=calendar("Asia/Tokyo", "10:00-18:00", country="JP").

    hours: "9:00-17:00" is Monday to Friday; {"mon": "9-12, 13-17", "sat": "9-12"} names the days.
    country, region: whose public holidays are none to work on: "DE", "BY".
    """
    return calendar_of(zone, hours, country, region)


def pick(value: T, *, when: Rule, otherwise: T | Choice[T]) -> Choice[T]:
    """Let a parameter depend on facts: `value` when the rule holds, else `otherwise`, which may be another pick.

    template=pick("sow/large", when=deal.amount >= usd(100_000), otherwise="sow/small")
    """
    if isinstance(otherwise, Choice):
        return Choice(picks=((when, value), *otherwise.picks), otherwise=otherwise.otherwise)
    return Choice(picks=((when, value),), otherwise=otherwise)
