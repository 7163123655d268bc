"""Random companies and policies, each kept a second time in plain words for the judge, who never reads the models'."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from typing import Any, NamedTuple

from activities.calendars import working
from models.asking import (
    Back,
    Choice,
    Group,
    Ladder,
    Managers,
    Named,
    Owner,
    Patience,
    Role,
    Row,
    Silence,
    Table,
    who_key,
)
from models.calendar import CalendarSpec, Working, business_days, business_hours, days, hours
from models.facts import FactSpec, Source
from models.flow import ApprovalDef, FlowDef, ParallelDef, SequenceDef, StageDef
from models.people import BusinessTime
from models.rules import Compare, Direction
from models.values import Text, Whole
from tests.models.oracle import Wall

NUMBERS = ("discount", "margin", "term")
PEOPLE = ("ada", "bo", "cem", "dee", "eve", "fay", "gus")
ROLES = ("finance", "legal", "security", "cfo")
DAY = (((time(9), time(17)),),) * 5 + ((), ())
SPLIT = (((time(8, 30), time(12)), (time(13), time(17))),) * 4 + (((time(9), time(12)),), (), ())
CALENDARS = (
    CalendarSpec(zone="America/New_York", country="US", week=DAY),
    CalendarSpec(zone="Europe/Berlin", country="DE", region="BE", week=SPLIT),
    CalendarSpec(zone="Australia/Adelaide", country="AU", region="SA", week=SPLIT),
    CalendarSpec(zone="Asia/Kolkata", week=DAY, days_off=(date(2026, 3, 30), date(2026, 10, 26))),
)
expanded = cache(working)


def nearby(spec: CalendarSpec, day: datetime, reach: int) -> Working:
    """Expand a calendar for a few weeks, and far only when that is too near: most of what is asked is close by."""
    first = day - timedelta(days=day.toordinal() % 14)
    return expanded(spec, first, 60 if reach <= 400 else reach)


CLOCKS = {spec: BusinessTime(spec, nearby) for spec in CALENDARS}
WALLS = {spec: Wall.of(spec) for spec in CALENDARS}
# Around changes of the clocks in New York, Berlin and Adelaide, Easter, and a quiet week.
STARTS = [datetime(2026, *at, tzinfo=UTC) for at in ((3, 5, 16), (3, 27, 9), (4, 2, 3), (10, 22, 14), (11, 2, 15))]


class Person(NamedTuple):
    """Somebody of the company."""

    id: str
    roles: tuple[str, ...] = ()
    manager: str | None = None
    active: bool = True


@dataclass(frozen=True, eq=False)
class Plain:
    """One approval in plain words: what the judge knows of it."""

    step: ApprovalDef
    low: tuple[Any, ...]
    high: tuple[Any, ...]
    threshold: int
    """From this discount on `high` is asked instead of `low`."""
    tables: dict[str, list[tuple[int, date | None, date | None, tuple[Any, ...]]]]
    """Per table the least discount, the first and the last day, and whom a row names."""
    quick: int
    """From this discount on the shorter of `within` counts."""
    within: tuple[Any, Any]
    silence: tuple[str, str]
    """What silence does below and from a discount of two on."""
    rungs: tuple[tuple[Any, ...], ...]

    @cached_property
    def id(self) -> str:
        return self.step.id

    @cached_property
    def covered(self) -> dict[str, str]:
        return {path: way.value for path, way in self.step.covered.items()}

    def asks(self, facts: dict[str, int], on: date) -> tuple[Any, ...]:
        """Return the parties for these facts, with the rows of every table."""
        chosen = self.high if facts["discount"] >= self.threshold else self.low
        return tuple(each for who in chosen for each in self.rows(who, facts, on))

    def rows(self, who: Any, facts: dict[str, int], on: date) -> list[Any]:
        if not isinstance(who, Table):
            return [who]
        found: dict[str, Any] = {}
        for least, since, until, named in self.tables[who.name]:
            if facts["discount"] >= least and (since or date.min) <= on <= (until or date.max):
                found |= {who_key(each): each for each in named}
                if who.match == "first":
                    break
        return list(found.values())


def at_least(discount: int) -> Compare:
    return Compare(fact="discount", op=">=", values=(Whole(v=discount),))


class Maker:
    """Makes everything from one source of chance."""

    def __init__(self, g) -> None:
        self.g = g
        self.plain: dict[str, Plain] = {}

    def company(self) -> dict[str, Person]:
        g, found = self.g, {}
        for i, name in enumerate(PEOPLE):
            roles = tuple(role for role in ROLES if g.random() < 0.33)
            manager = g.choice(PEOPLE[:i]) if i and g.random() < 0.8 else None
            found[name] = Person(name, roles, manager, active=g.random() < 0.93)
        # Two who run things, and one who may do anything; nobody else has these roles.
        extra = [Person("ops", ("sales_ops",)), Person("adam", ("admin",)), Person("agnes", ("admin",))]
        return found | {p.id: p for p in extra}

    def party(self) -> Any:
        g = self.g
        return g.choice([
            lambda: Role(role=g.choice(ROLES)), lambda: Role(role=g.choice(ROLES)), lambda: Role(role=g.choice(ROLES)),
            lambda: Group(role=g.choice(ROLES), need=g.choice([1, 2, 2, 3])), lambda: Managers(n=g.choice([1, 1, 2])),
            lambda: Owner(fact="expert"), lambda: Named(person=g.choice(PEOPLE)),
        ])()  # fmt: skip

    def parties(self, most: int = 3) -> tuple[Any, ...]:
        found = {who_key(who): who for who in (self.party() for _ in range(self.g.randint(1, most)))}
        return tuple(found.values())

    def table(self, name: str, start: datetime) -> tuple[Table, list]:
        """A rule table whose rows come and go by date; the last one always names somebody."""
        g, rows = self.g, []
        for _ in range(g.randint(0, 2)):
            day = start.date() + timedelta(days=g.randint(-3, 5))
            since, until = (day, None) if g.random() < 0.5 else (None, day)
            rows.append((g.randint(1, 4), since, until, self.parties(2)))
        rows.append((0, None, None, self.parties(2)))
        match = g.choice(["first", "all"])
        data = tuple(
            Row(when=at_least(least) if least else None, who=who, since=since, until=until)
            for least, since, until, who in rows
        )
        return Table(name=name, match=match, rows=data), rows

    def approval(self, name: str, start: datetime, before: list[Plain]) -> Plain:
        g, tables = self.g, {}
        low, high = self.parties(), self.parties()
        if g.random() < 0.2:
            table, tables[f"t-{name}"] = self.table(f"t-{name}", start)
            high = (table,)
        threshold = g.choice([0, 2, 3, 99])
        by = Choice(picks=((at_least(threshold), high),), otherwise=low) if 0 < threshold < 99 else low
        if threshold == 0:
            by = high
        within = (self.span(), self.span())
        quick = g.choice([2, 99])
        quiet = g.choice([("escalate", "escalate")] * 4 + [("approve", "reject"), ("reject", "expire")])
        rungs = tuple(self.parties(1) for _ in range(g.randint(1, 3)))
        patience = Patience(
            within=within[0] if quick == 99 else Choice(picks=((at_least(quick), within[1]),), otherwise=within[0]),
            escalate_to=Ladder(rungs=rungs, last=g.choice([None, None, Silence.REJECT])),
            remind_every=g.choice([None, business_hours(5), business_days(1), hours(30)]),
            on_silence=Choice(picks=((at_least(2), Silence(quiet[1])),), otherwise=Silence(quiet[0])),
            hours=g.choice(["company", "company", "person", "person", g.choice(CALENDARS)]),
            fallback=g.choice([(), (), (Role(role="cfo"),), (Named(person=g.choice(PEOPLE)),)]),
        )
        covered = {path: g.choice(list(Direction)) for path in g.sample(NUMBERS, g.randint(1, 3))}
        back = Back(stage="one")
        step = ApprovalDef(
            name=name, by=by, need=g.choice(["all", "all", "all", "any", 1, 2]), in_turn=g.random() < 0.25,
            patience=patience, covered=covered, on_reject=back, on_expire=g.choice([None, back]),
            not_same_as=tuple(p.id for p in before if g.random() < 0.3), when=g.choice([None, None, at_least(1)]),
            repeat="if consecutive" if g.random() < 0.3 else "ask", override=g.choice(["one", "two", "none"]),
        )  # fmt: skip
        made = Plain(step, low, high, threshold, tables, quick, within, quiet, rungs)
        self.plain[made.id] = made
        return made

    def span(self) -> Any:
        return self.g.choice(
            [business_hours(4), business_hours(11), business_days(1), business_days(2), hours(20), days(2)]
        )

    def flow(self, start: datetime) -> FlowDef:
        g, made = self.g, []
        for name in "abc"[: g.choice([1, 1, 2, 2, 3])]:
            made.append(self.approval(name, start, made))
        steps = [each.step for each in made]
        cut = g.randint(1, len(steps))
        stages = [s for s in (steps[:cut], steps[cut:]) if s]
        return FlowDef(
            name="random", version=1,
            stages=tuple(StageDef(name=n, nodes=self.nodes(s)) for n, s in zip(("one", "two"), stages, strict=False)),
            facts={
                **{p: FactSpec(path=p, type="whole", source=Source.CRM) for p in NUMBERS},
                **{p: FactSpec(path=p, type="text", source=Source.CRM) for p in ("owner", "expert")},
            },
        )  # fmt: skip

    def nodes(self, steps: list[ApprovalDef]) -> tuple[Any, ...]:
        if len(steps) > 1 and self.g.random() < 0.4:
            rest = SequenceDef(nodes=tuple(steps[1:]))
            return (ParallelDef(branches=(steps[0], rest), wait_all=self.g.random() < 0.3),)
        return tuple(steps)

    def facts(self) -> dict[str, Any]:
        g = self.g
        found: dict[str, Any] = {path: Whole(v=g.randint(0, 4)) for path in NUMBERS}
        return found | {"owner": Text(v=g.choice(PEOPLE)), "expert": Text(v=g.choice(PEOPLE))}
