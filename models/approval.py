"""Approvals are satisfied, not done: a policy over recorded answers that count while nothing covered got worse."""

from __future__ import annotations

from collections.abc import Mapping

from models.asking import Group, Who, who_key
from models.deal import DealState, Decision, Record
from models.flow import ApprovalDef, parties
from models.rules import Direction, rank
from models.values import Reading, Value


def satisfied(step: ApprovalDef, record: Record, now: Reading, state: DealState) -> bool:
    """Return whether the policy holds on today's facts over the answers given (semantics 31)."""
    return policy_verdict(step, record, now, state) is True


def policy_verdict(step: ApprovalDef, record: Record, now: Reading, state: DealState) -> bool | None:
    """Return yes, no, or None while it is undecided either way."""
    asked = parties(step, state.facts, state.rates)
    if not asked:
        return None
    standing = {d.person: d for d in record.decisions if counts(d, record, now, step.covered)}
    if any(d.by_silence and d.verdict == "yes" for d in standing.values()):
        return True
    yes = {p: d for p, d in standing.items() if d.verdict == "yes"}
    noes = {p: d for p, d in standing.items() if d.verdict == "no"}
    wanted = _wanted(step, asked)
    full = _filled(asked, yes)
    if sum(full) >= wanted:
        return True
    lost = sum(_lost(who, record, noes) for who in asked)
    return False if len(asked) - lost < wanted else None


def counts(decision: Decision, record: Record, now: Reading, covered: Mapping[str, Direction]) -> bool:
    """Return whether an answer still counts: a no in its round, a yes while nothing it covers is worse."""
    if decision.verdict == "no":
        return decision.round == record.round
    later = [d for d in record.decisions if d.person == decision.person and d.at > decision.at and d.verdict == "no"]
    return not later and not worse(covered, decision.signed, now)


def worse(covered: Mapping[str, Direction], signed: Reading, now: Reading) -> list[str]:
    """Return the covered names whose value now is worse than the one signed (semantics 32, 33)."""
    return [name for name, way in covered.items() if _worse(way, signed.get(name), now.get(name))]


def barred(step: ApprovalDef, person: str, state: DealState) -> str:
    """Return why `person` may not answer although asked, or nothing (semantics 34)."""
    owner = state.facts.get("owner")
    if owner is not None and str(owner) == person:
        return "the deal's owner may not approve it; it waits for somebody else"
    if state.submitted_by == person:
        return "you submitted this content, so somebody else must approve it"
    mine = [path for path in step.covered if state.facts_by.get(path) == person]
    if mine:
        return f"you last changed {', '.join(mine)}, so somebody else must approve it"
    for other in step.not_same_as:
        if any(d.person == person and d.verdict == "yes" for d in state.record(other).decisions):
            return f"you answered {other.partition(':')[2]}; this step needs a second person"
    return ""


def open_parties(step: ApprovalDef, record: Record, now: Reading, state: DealState) -> list[Who]:
    """Return the parties whose answer is still wanted, in order; only the first one when asked in turn."""
    asked = parties(step, state.facts, state.rates)
    standing = [d for d in record.decisions if counts(d, record, now, step.covered)]
    yes = {d.person: d for d in standing if d.verdict == "yes"}
    noes = {d.person: d for d in standing if d.verdict == "no"}
    full = _filled(asked, yes)
    waiting = [who for i, who in enumerate(asked) if not full[i] and not _lost(who, record, noes)]
    return waiting[:1] if step.in_turn else waiting


def _wanted(step: ApprovalDef, asked: tuple[Who, ...]) -> int:
    if step.need == "all":
        return len(asked)
    return 1 if step.need == "any" else min(step.need, len(asked))


def _filled(asked: tuple[Who, ...], yes: Mapping[str, Decision]) -> list[bool]:
    """Return which parties are satisfied when every person fills at most one seat: a small matching."""
    seats = [i for i, who in enumerate(asked) for _ in range(who.need if isinstance(who, Group) else 1)]
    taken: dict[int, str] = {}

    def seat(person: str, tried: set[int]) -> bool:
        for s, i in enumerate(seats):
            if s in tried or who_key(asked[i]) not in yes[person].parties:
                continue
            tried.add(s)
            if s not in taken or seat(taken[s], tried):
                taken[s] = person
                return True
        return False

    for person in yes:
        seat(person, set())
    return [all(s in taken for s, j in enumerate(seats) if j == i) for i in range(len(asked))]


def _lost(who: Who, record: Record, noes: Mapping[str, Decision]) -> bool:
    """Return whether this party can no longer say yes: a role by its first no, a group when too few are left."""
    against = {p for p, d in noes.items() if who_key(who) in d.parties}
    if not isinstance(who, Group):
        return bool(against)
    eligible = set(record.asked.get(who_key(who), ()))
    return bool(against) and len(eligible - against) < who.need


def _worse(way: Direction, signed: Value | None, now: Value | None) -> bool:
    if signed == now:
        return False
    if signed is None or now is None or way is Direction.DIFFERENT:
        return True
    before, after = rank(signed), rank(now)
    if before is None or after is None or getattr(signed, "currency", "") != getattr(now, "currency", ""):
        return True
    return after > before if way is Direction.HIGHER else after < before
