"""The small words inside the twelve: endings, who is asked, what silence does, parameters that depend on facts."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from models.asking import Choice, Continue, Customer, Ending, Group, Managers, Owner, Silence, Table
from models.facts import Fact
from models.rules import Rule

T = TypeVar("T")
CONTINUE = Continue()
ESCALATE, APPROVE, REJECT, EXPIRE = Silence.ESCALATE, Silence.APPROVE, Silence.REJECT, Silence.EXPIRE


def won() -> Ending:
    """The deal is won."""
    return Ending(outcome="won")


def lost(reason: str) -> Ending:
    """The deal is lost, for a named reason."""
    return Ending(outcome="lost", reason=reason)


def cancelled(reason: str) -> Ending:
    """The deal is cancelled, for a named reason."""
    return Ending(outcome="cancelled", reason=reason)


def group(role: str, need: int = 1) -> Group:
    """`need` different people of a role; two people are two answers."""
    return Group(role=role, need=need)


def managers(n: int) -> Managers:
    """The deal owner's manager, `n` levels up."""
    return Managers(n=n)


def owner(of: Fact[str]) -> Owner:
    """The person whom a fact names."""
    return Owner(fact=of.path)


def customer(contact: str) -> Customer:
    """A contact of the customer: "signatory"."""
    return Customer(contact=contact)


def table(name: str, *facts: Fact[Any], match: Literal["first", "all"]) -> Table:
    """The people a rule table names for these facts."""
    return Table(name=name, facts=tuple(f.path for f in facts), match=match)


def pick(value: T, *, when: Rule, otherwise: T | Choice[T]) -> Choice[T]:
    """`value` when the rule holds, else `otherwise`; otherwise may be another pick."""
    if isinstance(otherwise, Choice):
        return Choice(picks=((when, value), *otherwise.picks), otherwise=otherwise.otherwise)
    return Choice(picks=((when, value),), otherwise=otherwise)
