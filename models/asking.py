"""The parameters of steps as data: who is asked, how long, what silence does, where an outcome leads."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from models.calendar import Span
from models.rules import Facts, Rates, Rule, holds

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


class Table(_Data):
    """People named by a rule table for the given facts."""

    is_: Literal["table"] = "table"
    name: str
    facts: tuple[Path, ...]
    match: Literal["first", "all"]


Who = Annotated[Role | Group | Managers | Owner | Customer | Table, Field(discriminator="is_")]


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
            return f"table:{who.name}:{','.join(who.facts)}:{who.match}"


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


DEAL_OWNER = Owner(fact="owner")


class Ladder(_Data):
    """Who is asked next when a request is late, rung by rung, and what ends it."""

    rungs: tuple[tuple[Who, ...], ...] = ()
    last: Silence | None = None


class Patience(_Data):
    """How long a request may stay open and what follows."""

    within: Span | Choice[Span] | None = None
    escalate_to: Ladder | Choice[Ladder] = Ladder()
    remind_every: Span | None = None
    on_silence: Silence | Choice[Silence] = Silence.ESCALATE


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
