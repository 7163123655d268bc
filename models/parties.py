"""Whom a step asks for this deal now: picks followed, rule tables looked up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from models.asking import Choice, Named, Table, Who, chosen, who_key
from models.deal import DealState, placed
from models.flow import ApprovalDef, HandoffDef, SignatureDef, StepId, TaskDef, WaitDef

Parties = tuple[Who, ...]


def approvers(step: ApprovalDef, state: DealState) -> Parties:
    """Return the parties whose answers an approval's policy is about; empty while that is undecided."""
    whom: Parties | None = chosen(step.by, state.facts, state.rates)
    return looked_up(whom or (), state) or ()


def asked_of(state: DealState, step_id: StepId) -> Parties:
    """Return whom the flow asks at a step, with everybody a person added."""
    here = placed(state, step_id)
    match here.step if here else None:
        case ApprovalDef() as step:
            return (*approvers(step, state), *(Named(person=each.person) for each in state.record(step_id).added))
        case TaskDef() | WaitDef() as step:
            return looked_up(step.by, state) or ()
        case SignatureDef() as step:
            return looked_up((step.by,), state) or ()
        case HandoffDef() as step:
            return looked_up(step.to, state) or ()
        case _:
            return looked_up(state.flow.owner, state) or ()


def owners(state: DealState) -> list[str]:
    """Return the people who own a deal, as they were last found out."""
    return list(dict.fromkeys(p for who in state.flow.owner for p in state.people.get(who_key(who), [])))


def looked_up(whom: Iterable[Who], state: DealState) -> Parties | None:
    """Return `whom` with what each table names in its place; None while a fact it asks about is not known."""
    found: list[Who] = []
    for who in whom:
        if not isinstance(who, Table):
            found.append(who)
            continue
        named = who.named(used_since(who, state), state.facts, state.rates)
        if named is None:
            return None
        found += named or (who,)  # where no row fits, the table itself is the party nobody can be found for
    return tuple(found)


def used_since(table: Table, state: DealState) -> date:
    """Return the day whose rows of a table this deal keeps: that of its first use (semantics 15)."""
    pinned = state.tables.get(table.name)
    return date.fromisoformat(pinned) if pinned else state.opened_at.date()


def tables_of(step: object) -> list[Table]:
    """Return the rule tables a step may look in."""
    by = getattr(step, "by", None) or getattr(step, "to", None) or ()
    whom = [who for each in (alternatives(by) if isinstance(by, Choice) else [by]) for who in _each(each)]
    return [who for who in whom if isinstance(who, Table)]


def alternatives(choice: Choice[Parties]) -> list[Parties]:
    return [*(each for _, each in choice.picks), choice.otherwise]


def _each(who: Who | Parties) -> Parties:
    return who if isinstance(who, tuple) else (who,)
