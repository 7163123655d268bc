"""The small words inside the twelve: endings, who is asked, what silence does, parameters that depend on facts."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from models.asking import Choice, Continue, Customer, Ending, Group, Managers, Owner, Silence, Table
from models.facts import Fact
from models.rules import Rule

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
    return Managers(n=n)


def owner(of: Fact[str]) -> Owner:
    """Ask the person whom a fact names, by the person's id: by=owner(deal.region_lead)."""
    return Owner(fact=of.path)


def customer(contact: str) -> Customer:
    """Ask a contact of the customer, by what they are for: by=customer("signatory")."""
    return Customer(contact=contact)


def table(name: str, *facts: Fact[Any], match: Literal["first", "all"]) -> Table:
    """Ask the people a rule table names for the values of these facts.

        by=table("regional-approvers", deal.region, deal.amount, match="first")

    match: the people of the first row that fits, or of all rows that do. A running deal keeps the rows it began with.
    As long as an installation keeps no rule tables, nobody is found, and the request becomes an incident.
    """
    return Table(name=name, facts=tuple(f.path for f in facts), match=match)


def pick(value: T, *, when: Rule, otherwise: T | Choice[T]) -> Choice[T]:
    """Let a parameter depend on facts: `value` when the rule holds, else `otherwise`, which may be another pick.

    template=pick("sow/large", when=deal.amount >= usd(100_000), otherwise="sow/small")
    """
    if isinstance(otherwise, Choice):
        return Choice(picks=((when, value), *otherwise.picks), otherwise=otherwise.otherwise)
    return Choice(picks=((when, value),), otherwise=otherwise)
