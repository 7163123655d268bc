"""What an approver weighs: facts against limits, what moved since their answer, how they came to be asked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from models.approval import may_answer
from models.asking import Table, Who, chosen, who_key, who_words
from models.deal import DealState, Decision, Record
from models.flow import ApprovalDef, Placed
from models.money import Money, Percent
from models.outcomes import patience_of
from models.parties import asked_of, looked_up, used_since
from models.reading import DOCUMENT
from models.rules import Compare, Direction, Rule, holds, printed, rank, text
from models.turn import title
from models.values import Digest, Reading, Value

ROLE = "role:"
_FREE = {">": "free up to {}", ">=": "free under {}", "<": "free from {}", "<=": "free over {}"}
_ROOM = Decimal("0.6")
"""How much of the spread of the values a scale leaves free at either end."""


def terms(rule: Rule) -> list[Rule]:
    """Return the comparisons a rule is made of."""
    if rule.kind in ("every", "some"):
        return [term for part in rule.rules for term in terms(part)]
    return [rule]


def label(path: str) -> str:
    """Return a fact's name as words."""
    return path.replace("_", " ").replace(".", " ")


# ---- facts against policy


def limits(state: DealState, here: Placed, record: Record) -> list[dict[str, Any]]:
    """Return, for each limit the step's own rules set, where the deal's value lies on its scale, in percent of it."""
    signed = next((d.signed for d in reversed(record.decisions) if d.signed), {})
    found: dict[str, dict[str, Any]] = {}
    for term in (t for rule in rules_of(state, here) for t in terms(rule)):
        if not isinstance(term, Compare) or term.op not in _FREE or term.fact not in state.facts:
            continue
        line = _limit(state, here, term, signed.get(term.fact))
        if line is not None and (term.fact not in found or line["outside"]):
            found[term.fact] = line
    return list(found.values())


def rules_of(state: DealState, here: Placed) -> list[Rule]:
    """Return what decides that and whom this step asks: its own rule, and the rows of the tables it looks in."""
    own = [here.step.when] if here.step.when is not None else []
    return [*own, *(rule for _, rule in rows_of(state, here))]


def rows_of(state: DealState, here: Placed) -> list[tuple[Table, Rule]]:
    """Return the rules of the rows in force of each table an approval looks in, in order."""
    if not isinstance(here.step, ApprovalDef):
        return []
    whom = chosen(here.step.by, state.facts, state.rates) or ()
    tables = [who for who in whom if isinstance(who, Table)]
    return [
        (table, row.when)
        for table in tables
        for row in table.rows
        if row.when is not None and row.in_force(used_since(table, state))
    ]


def _limit(state: DealState, here: Placed, term: Compare, was: Value | None) -> dict[str, Any] | None:
    value, bound = state.facts[term.fact], term.values[0]
    at, edge = rank(value), rank(bound)
    if at is None or edge is None or getattr(value, "currency", "") != getattr(bound, "currency", ""):
        return None
    before = rank(was) if was is not None and was != value else None
    points = [at, edge, *([before] if before is not None else [])]
    spread = (max(points) - min(points)) or abs(edge) or Decimal(1)
    low, high = min(points) - spread * _ROOM, max(points) + spread * _ROOM
    if min(points) >= 0:
        low = max(low, Decimal(0))
    outside = holds(term, state.facts, state.rates) is True
    above = term.op in (">", ">=")
    return {
        "label": label(term.fact),
        "value": str(value),
        "was": str(was) if before is not None else "",
        "bound": str(bound),
        "outside": outside,
        "above": above,
        "by": _apart(value, bound, "over" if above else "under") if outside else "",
        "free": "; ".join([_FREE[term.op].format(bound), *_stricter(state, here, term, edge)]),
        "at": _share(at, low, high),
        "edge": _share(edge, low, high),
        "before": _share(before, low, high) if before is not None else None,
    }


def _share(point: Decimal, low: Decimal, high: Decimal) -> float:
    return float(round(100 * (point - low) / (high - low), 1))


def _apart(value: Value, bound: Value, word: str) -> str:
    """Say how far a value is from a limit: "3.4 points under", "$12,000 over"."""
    match value, bound:
        case Percent(), Percent():
            return f"{abs(value.value - bound.value).normalize():f} points {word}"
        case Money(), Money():
            return f"{Money(amount=abs(value.amount - bound.amount), currency=value.currency)} {word}"
    one, other = rank(value), rank(bound)
    if one is None or other is None:
        return word
    return f"{abs(one - other).normalize():f} {word}" if value.t in ("whole", "number") else word


def _stricter(state: DealState, here: Placed, term: Compare, edge: Decimal) -> Iterator[str]:
    """Say where the next limit on the same fact asks somebody else: "over 30 % deep discount"."""
    above = term.op in (">", ">=")
    for step_id, other in state.flow.steps.items():
        if step_id == here.step.id or not isinstance(other.step, ApprovalDef) or other.step.when is None:
            continue
        for each in terms(other.step.when):
            if not isinstance(each, Compare) or each.fact != term.fact or (each.op in (">", ">=")) is not above:
                continue
            further = rank(each.values[0]) if each.op in _FREE else None
            if further is not None and (further > edge if above else further < edge):
                yield f"{'over' if above else 'under'} {each.values[0]} {title(step_id)}"


# ---- the rule, printed


def rule(state: DealState, here: Placed) -> dict[str, Any]:
    """Return the rule that let the step ask, and the row of each table that named whom, with the deal's values."""
    own = here.step.when
    rows = [
        {"text": f"table {table.name}: {printed(each, state.facts, state.rates)}", "holds": True}
        for table, each in _deciding(state, here)
    ]
    if own is None:
        told = {"text": rows[0]["text"], "terms": rows} if rows else {"text": "every deal that comes here"}
        return {**told, "joined_by": "and"}
    lines = [
        {"text": printed(term, state.facts, state.rates), "holds": holds(term, state.facts, state.rates)}
        for term in terms(own)
    ]
    return {
        "text": printed(own, state.facts, state.rates),
        "joined_by": "or" if own.kind == "some" else "and",
        "terms": [*lines, *rows] if own.kind != "some" else lines,
        "rows": rows,
    }


def _deciding(state: DealState, here: Placed) -> Iterator[tuple[Table, Rule]]:
    """Yield the rows that named somebody: of a table that takes the first, only that one."""
    done: set[str] = set()
    for table, each in rows_of(state, here):
        if table.name not in done and holds(each, state.facts, state.rates):
            if table.match == "first":
                done.add(table.name)
            yield table, each


def over(state: DealState, path: str, rules: tuple[Rule, ...]) -> str:
    """Say which comparisons with a fact hold: "discount > 15 %"."""
    hit = [
        text(term)
        for each in rules
        for term in terms(each)
        if isinstance(term, Compare) and term.fact == path and holds(term, state.facts, state.rates)
    ]
    return " and ".join(hit)


# ---- what moved


def differences(here: Placed, record: Record) -> dict[str, dict[str, Any]]:
    """Return, by person, what moved since their last answer of an earlier round or edition."""
    if not isinstance(here.step, ApprovalDef):
        return {}
    last = {
        d.person: d for d in record.decisions if d.signed and (d.round, d.edition) != (record.round, record.edition)
    }
    return {person: difference(here.step, decision, record.read) for person, decision in last.items()}


def difference(step: ApprovalDef, before: Decision, now: Reading) -> dict[str, Any]:
    """Return what moved since a decision: each covered fact whose value is another one, and whether that is better."""
    changes = []
    for name, direction in step.covered.items():
        was, is_now = before.signed.get(name), now.get(name)
        if was != is_now:
            note, tone = _moved(direction, was, is_now)
            shown = label(name.removeprefix(DOCUMENT))
            changes.append(
                {"label": shown, "was": str(was or "unset"), "now": str(is_now or "unset"), "note": note, "tone": tone}
            )
    same = [name for name in step.covered if name in now and before.signed.get(name) == now.get(name)]
    documents = {
        name.removeprefix(DOCUMENT): value.sha256
        for name, value in before.signed.items()
        if name.startswith(DOCUMENT) and isinstance(value, Digest)
    }
    return {
        "since": f"{before.person}, {before.at.day} {before.at:%b}" + (f": {before.reason}" if before.reason else ""),
        "person": before.person,
        "at": before.at.isoformat(),
        "verdict": before.verdict,
        "reason": before.reason,
        "changes": changes,
        "same": [label(name.removeprefix(DOCUMENT)) for name in same],
        "documents": documents,
    }  # fmt: skip


def _moved(direction: Direction, was: Value | None, now: Value | None) -> tuple[str, str]:
    if was is None or now is None:
        return "", ""
    before, after = rank(was), rank(now)
    if before is None or after is None or getattr(was, "currency", "") != getattr(now, "currency", ""):
        return "", ""
    if direction is Direction.DIFFERENT:
        return _apart(now, was, "more" if after > before else "less"), ""
    better = after < before if direction is Direction.HIGHER else after > before
    return _apart(now, was, "better" if better else "worse"), "ok" if better else "due"


# ---- who is asked


def asked(state: DealState, here: Placed, record: Record) -> list[dict[str, str]]:
    """Return everybody who may answer: for which party, how they came to it, and what bars them."""
    everybody, instead = _all_asked(state, here), looked_up(patience_of(here.step).fallback, state) or ()
    words = {who_key(who): who_words(who) for who in everybody}
    roles = [key for who in (*everybody, *instead) if (key := who_key(who)).startswith(ROLE)]
    moved = {each.to: each for each in record.moved}
    added = {each.person: each for each in record.added}
    found = []
    for party, people in record.asked.items():
        for person in people:
            line = {"person": person, "party": party, "words": words.get(party, label(party.partition(":")[2]))}
            if person in record.stands_in:
                line["stands_in"] = record.stands_in[person]
            elif party == f"person:{person}" and person in added:
                one = added[person]
                line |= {"added_by": one.by, "reason": one.reason, "place": one.place}
            elif person in moved:
                line |= {"moved_by": moved[person].by, "of": moved[person].of, "reason": moved[person].reason}
            elif through := next((key for key in (party, *roles) if person in state.people.get(key, ())), ""):
                line |= {"role": through.removeprefix(ROLE)} if through.startswith(ROLE) else {}
            why = may_answer(here.step, person, record, state) if isinstance(here.step, ApprovalDef) else ""
            found.append({**line, "barred": why} if why else line)
    return found


def _all_asked(state: DealState, here: Placed) -> tuple[Who, ...]:
    rungs = tuple(who for rung in _rungs(state, here) for who in rung)
    return (*asked_of(state, here.step.id), *(looked_up(rungs, state) or ()))


def _rungs(state: DealState, here: Placed) -> tuple[tuple[Who, ...], ...]:
    ladder = chosen(patience_of(here.step).escalate_to, state.facts, state.rates)
    return ladder.rungs if ladder else ()


# ---- the clock


def clock(state: DealState, here: Placed, record: Record) -> dict[str, Any] | None:
    """Return the instants of an open request: reminders, each rung with whom it asks, and the end."""
    if record.clock is None or record.clock.instants is None:
        return None
    instants = record.clock.instants
    names = [" and ".join(who_words(who) for who in rung) for rung in _rungs(state, here)]
    deadlines = (instants.due, *instants.rungs)
    return {
        "since": (record.since or state.opened_at).isoformat(),
        "due": instants.due.isoformat(),
        "reminders": [at.isoformat() for at in instants.reminders],
        "rungs": [{"at": at.isoformat(), "who": who} for at, who in zip(deadlines, names, strict=False)],
        "passed": record.clock.rung,
    }
