"""The parameters of steps as data: who is asked, how long, what silence does, where an outcome leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from models.calendar import CalendarSpec, Span
from models.rules import Facts, Rates, Rule, facts_of, holds

T = TypeVar("T")
Path = str


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class Silence(StrEnum):
    """What a request does when nobody answered in time."""

    ESCALATE = "escalate"
    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"


class Ending(_Data):
    """How a deal is over."""

    is_: Literal["ending"] = "ending"
    outcome: Literal["won", "lost", "cancelled", "merged"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.outcome}: {self.reason}" if self.reason else self.outcome


class Continue(_Data):
    """Go on as if the outcome had been good; it stays recorded."""

    is_: Literal["continue"] = "continue"


class Back(_Data):
    """Send the deal back to a stage."""

    is_: Literal["back"] = "back"
    stage: str


Route = Annotated[Ending | Continue | Back, Field(discriminator="is_")]


class Choice(_Data, Generic[T]):
    """A parameter that depends on facts: the first whose rule holds, else the last."""

    picks: tuple[tuple[Rule, T], ...]
    otherwise: T


class Role(_Data):
    """One person of a role; the first who answers speaks for it."""

    is_: Literal["role"] = "role"
    role: str


class Group(_Data):
    """`need` different people of a role, by count."""

    is_: Literal["group"] = "group"
    role: str
    need: int


class Managers(_Data):
    """The owner's chain of managers, `n` levels up."""

    is_: Literal["managers"] = "managers"
    n: int


class Owner(_Data):
    """The person a fact names."""

    is_: Literal["owner"] = "owner"
    fact: Path


class Customer(_Data):
    """A contact of the customer, by what they are for: signatory and so on."""

    is_: Literal["customer"] = "customer"
    contact: str


class Named(_Data):
    """One person of the company, by id."""

    is_: Literal["person"] = "person"
    person: str


Party = Annotated[Role | Group | Managers | Owner | Customer | Named, Field(discriminator="is_")]
"""Somebody whose answer counts as one: a table's rows, and what a table comes to for a deal."""


class Row(_Data):
    """One line of a rule table: whom it names when its rule holds, on the days it is in force."""

    when: Rule | None = None
    who: tuple[Party, ...]
    since: date | None = None
    """The first day it is in force."""
    until: date | None = None
    """The last day it is in force."""
    line: int = 0

    def in_force(self, on: date) -> bool:
        return (self.since is None or self.since <= on) and (self.until is None or on <= self.until)


class Table(_Data):
    """People named by a rule table for the deal's facts; a deal keeps the rows of the day it first used it."""

    is_: Literal["table"] = "table"
    name: str
    match: Literal["first", "all"]
    rows: tuple[Row, ...] = ()
    line: int = 0

    @property
    def facts(self) -> tuple[Path, ...]:
        """The facts its rows ask about, each once."""
        return tuple(dict.fromkeys(path for row in self.rows if row.when is not None for path in facts_of(row.when)))

    def named(self, on: date, facts: Facts, rates: Rates) -> tuple[Party, ...] | None:
        """Return whom the rows in force `on` a day name; None while a rule that decides it lacks a fact."""
        found: dict[str, Party] = {}
        for row in self.rows:
            if not row.in_force(on):
                continue
            verdict = True if row.when is None else holds(row.when, facts, rates)
            if verdict is None:
                return None
            if verdict:
                found |= {who_key(who): who for who in row.who}
                if self.match == "first":
                    break
        return tuple(found.values())


Who = Annotated[Role | Group | Managers | Owner | Customer | Named | Table, Field(discriminator="is_")]


def who_key(who: Who) -> str:
    """Return the name by which resolved people are kept: "role:finance"."""
    match who:
        case Role():
            return f"role:{who.role}"
        case Group():
            return f"role:{who.role}"
        case Managers():
            return f"managers:{who.n}"
        case Owner():
            return f"fact:{who.fact}"
        case Customer():
            return f"customer:{who.contact}"
        case Table():
            return f"table:{who.name}"
        case Named():
            return f"person:{who.person}"


def are(people: Sequence[str]) -> str:
    """Return the verb for so many people: one is asked, several are."""
    return "are" if len(people) > 1 else "is"


def who_words(who: Who) -> str:
    """Return `who` as a page says it: "two of security"."""
    match who:
        case Role():
            return who.role.replace("_", " ")
        case Group():
            return f"{who.need} of {who.role.replace('_', ' ')}"
        case Managers():
            return "the owner's manager" if who.n == 1 else f"{who.n} managers up from the owner"
        case Owner():
            return "deal owner" if who.fact == "owner" else who.fact.replace("_", " ")
        case Customer():
            return f"the customer's {who.contact}"
        case Table():
            return f"whom table {who.name} names"
        case Named():
            return who.person


DEAL_OWNER = Owner(fact="owner")


class Ladder(_Data):
    """Who is asked next when a request is late, rung by rung, and what ends it."""

    rungs: tuple[tuple[Who, ...], ...] = ()
    last: Silence | None = None


Hours = Literal["company", "person"] | CalendarSpec


class Patience(_Data):
    """How long a request may stay open, whose working hours count, and what follows.

    What was added after flows were released is left out of their dumps while it says nothing, so digests stay.
    """

    within: Span | Choice[Span] | None = None
    escalate_to: Ladder | Choice[Ladder] = Ladder()
    remind_every: Span | None = None
    on_silence: Silence | Choice[Silence] = Silence.ESCALATE
    hours: Hours = Field(default="company", exclude_if=lambda value: value == "company")
    """The company's calendar, the calendar of whoever is asked, or one of the request's own."""
    fallback: tuple[Who, ...] = Field(default=(), exclude_if=lambda value: value == ())
    """Who is asked instead when too few of those asked may answer."""


def chosen(value: T | Choice[T], facts: Facts, rates: Rates) -> T | None:
    """Return what a parameter is for these facts; None while its rule is undecided."""
    if not isinstance(value, Choice):
        return value
    for rule, pick in value.picks:
        verdict = holds(rule, facts, rates)
        if verdict is None:
            return None
        if verdict:
            return pick
    return value.otherwise
