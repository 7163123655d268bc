"""Approvals are satisfied, not done: a policy over recorded answers that count while nothing covered got worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import combinations

from models.asking import Group, Named, Who, who_key
from models.deal import DealState, Decision, Record
from models.flow import ApprovalDef
from models.parties import approvers
from models.rules import Direction, rank
from models.values import Reading, Value

UNDO_WINDOW = timedelta(seconds=60)
"""How long somebody may take their own answer back."""
NUDGE_EVERY = timedelta(hours=1)
"""How often people may be reminded by hand."""
Keys = Mapping[str, frozenset[str]]
"""Per person, the parties they may answer for."""


def satisfied(step: ApprovalDef, record: Record, now: Reading, state: DealState) -> bool:
    """Return whether the policy holds on today's facts over the answers given (semantics 31)."""
    return policy_verdict(step, record, now, state) is True


def policy_verdict(step: ApprovalDef, record: Record, now: Reading, state: DealState) -> bool | None:
    """Return yes, no, or None while it is undecided either way.

    It is decided as soon as no further answer could change it: by enough yeses, or by noes that leave too few.
    """
    asked = approvers(step, state)
    if not asked:
        return None
    standing = _standing(step, record, now)
    for each in standing.values():
        if each.override or (each.by_silence and each.verdict == "yes"):
            return each.verdict == "yes"
    yes, noes = _sides(standing)
    if any(_speaks(d, each.person) for each in record.added for d in noes.values()):
        return False
    wanted = _wanted(step, asked)
    given = _keys(yes, step, record, state)
    if not _fillable(asked, given, wanted):
        return False if noes and not _within_reach(step, asked, record, given, noes, state) else None
    return True if all(_said(given, each.person) for each in record.added) else None


def short_of(step: ApprovalDef, record: Record, now: Reading, state: DealState) -> list[Who]:
    """Return the parties that cannot come to a yes because too few different people are left who may answer.

    Nothing where answers have decided it, or still can.
    """
    asked = approvers(step, state)
    if not asked or policy_verdict(step, record, now, state) is not None:
        return []
    yes, noes = _sides(_standing(step, record, now))
    given = _keys(yes, step, record, state)
    able = _able(step, record, given, noes, state)
    extra = [Named(person=each.person) for each in record.added if not _said(given, each.person)]
    lonely: list[Who] = [who for who in extra if not any(who_key(who) in keys for keys in able.values())]
    if _fillable(asked, able, _wanted(step, asked)):
        return lonely
    full = _most(asked, able)
    return [*(who for i, who in enumerate(asked) if i not in full), *lonely]


def counts(decision: Decision, record: Record, now: Reading, covered: Mapping[str, Direction]) -> bool:
    """Return whether an answer still counts: a no in its round, a yes while nothing it covers is worse."""
    if decision.verdict == "no":
        return decision.round == record.round
    return not _withdrawn(decision, record) and not worse(covered, decision.signed, now)


def _withdrawn(decision: Decision, record: Record) -> bool:
    """Return whether the same person said no after this yes: later by the clock, or after it at the same instant."""
    after = False
    for each in record.decisions:
        if each is decision:
            after = True
        elif each.verdict == "no" and _voices(each) & _voices(decision) and (after or each.at > decision.at):
            return True
    return False


def _voices(decision: Decision) -> set[str]:
    """Return whoever speaks in an answer: the person, and whom they stand in for."""
    return {decision.person, decision.on_behalf_of} - {""}


def worse(covered: Mapping[str, Direction], signed: Reading, now: Reading) -> list[str]:
    """Return the covered names whose value now is worse than the one signed (semantics 32, 33)."""
    return [name for name, way in covered.items() if _worse(way, signed.get(name), now.get(name))]


def difference(record: Record, step: ApprovalDef, edition: int) -> dict[str, list[str]]:
    """Return what got worse since `edition`, as name -> [then, now]."""
    seen = record.editions[edition - 1] if 0 < edition <= len(record.editions) else {}
    now = record.editions[-1] if record.editions else {}
    return {n: [str(seen.get(n, "unset")), str(now.get(n, "unset"))] for n in worse(step.covered, seen, now)}


def barred(step: ApprovalDef, person: str, state: DealState) -> str:
    """Return why `person` may not answer although asked, or nothing (semantics 34)."""
    owner = state.facts.get("owner")
    if owner is not None and str(owner) == person:
        return "the deal's owner may not approve it; it waits for somebody else"
    if state.submitted_by == person:
        return "you submitted this content, so somebody else must approve it"
    watched = dict.fromkeys((*step.covered, *state.flow.prices))
    mine = [path for path in watched if state.facts_by.get(path) == person]
    if mine:
        return f"you last changed {', '.join(mine)}, so somebody else must approve it"
    for other in state.flow.second_people.get(step.id, ()):
        if any(d.person == person and d.verdict == "yes" for d in state.record(other).decisions):
            return f"you answered {other.partition(':')[2]}; this step needs a second person"
    return ""


def open_parties(step: ApprovalDef, record: Record, now: Reading, state: DealState) -> list[Who]:
    """Return the parties whose answer is wanted now, in order: who was added before the others comes first."""
    yes, noes = _sides(_standing(step, record, now))
    given = _keys(yes, step, record, state)
    first, last = ([Named(person=a.person) for a in record.added if a.place == p and not _said(given, a.person)]
                   for p in ("before", "after"))  # fmt: skip
    if first:
        return [*first]
    asked = approvers(step, state)
    if _fillable(asked, given, _wanted(step, asked)):
        return [*last]
    able = _able(step, record, given, noes, state)
    left = [who for who in asked if not _lost(who, noes)]
    full, of_use = _seating(left, given, able, _wanted(step, asked))
    waiting = [who for i, who in enumerate(left) if i not in full]
    useful = [who for i, who in enumerate(left) if i in of_use] or waiting
    return useful[:1] if step.in_turn else useful


def may_answer(step: ApprovalDef, person: str, record: Record, state: DealState) -> str:
    """Return why `person`, though asked, may not answer, for themselves or for whom they stand in; or nothing."""
    why = barred(step, person, state)
    principal = record.stands_in.get(person)
    if why or principal is None:
        return why
    theirs = barred(step, principal, state)
    return f"you stand in for {principal}, who may not answer: {theirs}" if theirs else ""


def _standing(step: ApprovalDef, record: Record, now: Reading) -> dict[str, Decision]:
    return {d.person: d for d in record.decisions if counts(d, record, now, step.covered)}


def _sides(standing: Mapping[str, Decision]) -> tuple[dict[str, Decision], dict[str, Decision]]:
    """Return who stands by a yes, and who by a no."""
    yes = {person: d for person, d in standing.items() if d.verdict == "yes"}
    return yes, {person: d for person, d in standing.items() if d.verdict == "no"}


def _able(
    step: ApprovalDef, record: Record, given: Keys, noes: Mapping[str, Decision], state: DealState
) -> dict[str, frozenset[str]]:
    """Return who has said yes or still may, with the parties they count for."""
    found = dict(given)
    for person, keys in _asked_by_person(record).items():
        if person not in found and person not in noes and not may_answer(step, person, record, state):
            found[person] = keys
    return found


def _within_reach(
    step: ApprovalDef, asked: Sequence[Who], record: Record, given: Keys, noes: Mapping[str, Decision], state: DealState
) -> bool:
    """Return whether enough parties could still come to a yes; a role that has said no could not."""
    able = _able(step, record, given, noes, state)
    left, wanted = [who for who in asked if not _lost(who, noes)], _wanted(step, asked)
    if len(left) < wanted:
        return False
    return not record.resolved or _fillable(left, able, wanted)  # until it is known who is asked, anybody might be


def _asked_by_person(record: Record) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for party, people in record.asked.items():
        for person in people:
            found[person] = found.get(person, frozenset()) | {party}
    return found


def _keys(
    given: Mapping[str, Decision], step: ApprovalDef, record: Record, state: DealState
) -> dict[str, frozenset[str]]:
    """Return what each answer counts for: the parties it was given for, and those its person may answer for now."""
    asked, found = _asked_by_person(record), dict[str, frozenset[str]]()
    for person, decision in given.items():
        signed, now = frozenset(decision.parties), asked.get(person, frozenset())
        found[person] = signed if now <= signed or may_answer(step, person, record, state) else signed | now
    return found


def _speaks(decision: Decision, person: str) -> bool:
    return decision.person == person or f"person:{person}" in decision.parties


def _said(given: Keys, person: str) -> bool:
    """Return whether somebody added has said yes, or whoever has their place by now."""
    return any(each == person or f"person:{person}" in keys for each, keys in given.items())


def _wanted(step: ApprovalDef, asked: Sequence[Who]) -> int:
    if step.need == "all":
        return len(asked)
    return 1 if step.need == "any" else min(step.need, len(asked))


def _fillable(asked: Sequence[Who], people: Keys, wanted: int) -> bool:
    """Return whether some `wanted` of the parties can all be filled by different people."""
    return any(_seated([asked[i] for i in chosen], people) for chosen in combinations(range(len(asked)), wanted))


def _most(asked: Sequence[Who], people: Keys) -> tuple[int, ...]:
    """Return the most parties that different people can fill at once, the first such in order."""
    return next(_filled(asked, people), ())


def _filled(asked: Sequence[Who], people: Keys) -> Iterator[tuple[int, ...]]:
    """Yield the sets of parties that different people can fill at once, the largest first."""
    for size in range(len(asked), -1, -1):
        yield from (c for c in combinations(range(len(asked)), size) if _seated([asked[i] for i in c], people))


def _seating(asked: Sequence[Who], given: Keys, able: Keys, wanted: int) -> tuple[tuple[int, ...], set[int]]:
    """Return which parties the yeses fill, and which others are of use: with them enough can still be filled.

    The yeses are seated so that somebody who has not answered can fill those that lack.
    """
    open_to = {party for person, keys in able.items() if person not in given for party in keys}
    for full in _filled(asked, given):
        rest = [i for i, who in enumerate(asked) if i not in full and who_key(who) in open_to]
        ways = combinations(rest, max(0, wanted - len(full)))
        completing = [way for way in ways if _seated([asked[i] for i in (*full, *way)], able)]
        if completing:
            return full, {i for way in completing for i in way}
    return _most(asked, given), set()


def _seated(asked: Sequence[Who], people: Keys) -> bool:
    """Return whether different people can take every seat of these parties: a small matching."""
    seats = [who_key(who) for who in asked for _ in range(who.need if isinstance(who, Group) else 1)]
    taken: dict[str, int] = {}

    def seat(s: int, tried: set[str]) -> bool:
        for person, keys in people.items():
            if person in tried or seats[s] not in keys:
                continue
            tried.add(person)
            if person not in taken or seat(taken[person], tried):
                taken[person] = s
                return True
        return False

    return len(seats) <= len(people) and all(seat(s, set()) for s in range(len(seats)))


def _lost(who: Who, noes: Mapping[str, Decision]) -> bool:
    """Return whether this party can no longer say yes: a role by its first no; a group only when too few are left."""
    return not isinstance(who, Group) and any(who_key(who) in d.parties for d in noes.values())


def _worse(way: Direction, signed: Value | None, now: Value | None) -> bool:
    if signed == now:
        return False
    if signed is None or now is None or way is Direction.DIFFERENT:
        return True
    before, after = rank(signed), rank(now)
    if before is None or after is None or getattr(signed, "currency", "") != getattr(now, "currency", ""):
        return True
    return after > before if way is Direction.HIGHER else after < before
