"""Who is away when, and who answers in their place meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.money import Money
from models.values import Value


class Scope(BaseModel):
    """What somebody stands in for: everything, or only requests that fit all that is named."""

    model_config = ConfigDict(frozen=True)
    roles: tuple[str, ...] = ()
    """Only where the absent person is asked as one of these parties: a role, or a key such as "managers:1"."""
    facts: Mapping[str, str] = {}
    """Only deals whose facts read so: {"product_line": "managed services"}."""
    below: Money | None = None
    """Only deals of less than this amount; one in another currency is not."""

    def fits(self, party: str, facts: Mapping[str, Value]) -> bool:
        """Return whether a request to `party` on a deal with these facts is meant."""
        if self.roles and party not in self.roles and party.removeprefix("role:") not in self.roles:
            return False
        if any(str(facts.get(path, "")).casefold() != value.casefold() for path, value in self.facts.items()):
            return False
        if self.below is None:
            return True
        amount = facts.get("amount")
        return (
            isinstance(amount, Money) and amount.currency == self.below.currency and amount.amount < self.below.amount
        )


class Absence(BaseModel):
    """One person is away from `starts` until just before `ends`. Without a delegate their requests wait for them."""

    model_config = ConfigDict(frozen=True)
    person: str
    starts: AwareDatetime
    ends: AwareDatetime
    delegate: str | None = None
    scope: Scope = Scope()
    note: str = ""

    def covers(self, at: datetime) -> bool:
        return self.starts <= at < self.ends


def stand_in(
    person: str,
    party: str,
    facts: Mapping[str, Value],
    absences: Iterable[Absence],
    at: datetime,
    able: Collection[str],
) -> str:
    """Return who answers for `person` at this moment: themselves, or the end of their chain of delegates.

    A delegate who is away passes it on. A chain that comes back to somebody in it, or that ends with nobody of
    `able`, leaves the request where it was.
    """  # fmt: skip
    known = tuple(absences)
    seen, now = [person], person
    while True:
        handed = next(
            (a for a in known if a.person == now and a.delegate and a.covers(at) and a.scope.fits(party, facts)), None
        )
        if handed is None or handed.delegate is None:
            return now
        if handed.delegate in seen or handed.delegate not in able:
            return person if handed.delegate in seen else now
        now = handed.delegate
        seen.append(now)


def problems(absences: Sequence[Absence], people: Collection[str]) -> list[str]:
    """Return what is wrong with these absences, each in words that say what to do. `people` are the active ones."""
    found: list[str] = []
    for each in absences:
        if each.ends <= each.starts:
            found.append(f"the absence of {each.person} ends before it begins; give an end after {each.starts:%-d %b}")
        if each.person not in people:
            found.append(f"{each.person} is not an active person of the company")
        if each.delegate is None:
            continue
        if each.delegate == each.person:
            found.append(f"{each.person} cannot stand in for themselves; name somebody else, or nobody")
        elif each.delegate not in people:
            found.append(f"{each.delegate} is not an active person of the company; name somebody else")
        elif circle := _circle(each, absences):
            found.append(f"circular delegation: {' → '.join(circle)}; one of them has to name somebody else")
    return list(dict.fromkeys(found))


def _circle(first: Absence, absences: Sequence[Absence]) -> list[str]:
    """Return the people of a circle that begins with this absence while it lasts, or nothing."""
    path = [first.person]

    def go(one: Absence, starts: datetime, ends: datetime) -> list[str]:
        assert one.delegate is not None, "only followed where somebody stands in"
        path.append(one.delegate)
        if one.delegate == first.person:
            return list(path)
        if one.delegate not in path[:-1]:
            for each in absences:
                if each.person != one.delegate or each.delegate is None:
                    continue
                begin, end = max(starts, each.starts), min(ends, each.ends)
                if begin < end and (found := go(each, begin, end)):
                    return found
        path.pop()
        return []

    return go(first, first.starts, first.ends)
