"""People and outages as somebody writes them in TOML; what is wrong is told with its line and what to write there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from models.calendar import CalendarSpec
from models.hours import Shifts, week
from models.mistakes import Mistake
from workflows.rehearsal.outages import Outage
from workflows.rehearsal.people import SIGNER, USUAL, VENDOR, WORLD, Company, Habit, Person, Zone, on_leave

_BY_DAY = '{mon = "9-12, 13-17", sat = "9-12"}'
_HABITS = ("answers_after", "spread", "minutes", "rejects", "asks_changes", "asks_information")
_PERSON = ("id", "name", "roles", "manager", "active", "zone", "country", "region", "hours", "leave", *_HABITS)
_OUTAGE = ("system", "from", "until", "lasting", "every")
_UNITS = {
    "minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)
}  # fmt: skip
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(minute|hour|day|week)s?")
MOST_PEOPLE = 2000
Known = Callable[[CalendarSpec], object]
"""Raises ValueError for a calendar whose zone or country nobody knows."""


class FileWrong(ValueError):
    """A file that cannot be taken as written: where, and what to write there."""


class Table:
    """One table of a file, which knows where its keys stand."""

    def __init__(self, name: str, text: str, header: str, number: int, written: Mapping[str, Any]) -> None:
        self.name, self.text, self.header, self.number, self.written = name, text, header, number, written

    def wrong(self, key: str, what: str) -> FileWrong:
        """Return the error for a key; the line is where the key stands, or where its table begins."""
        return FileWrong(f"{self.name}:{self._line(key)}: {what}")

    def _line(self, key: str) -> int:
        lines = self.text.splitlines()
        begins = [i for i, line in enumerate(lines) if line.strip().startswith(self.header)]
        begin = begins[self.number] if self.number < len(begins) else 0
        for i in range(begin + 1, len(lines)):
            if lines[i].strip().startswith("["):
                break
            if re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", lines[i]):
                return i + 1
        return begin + 1

    def text_of(self, key: str, default: str | None = None) -> str:
        """Return a text. Raises FileWrong."""
        value = self.written.get(key, default)
        if not isinstance(value, str) or not value.strip():
            said = f"{key} is missing" if value is None else f"{key} is a text, not {value!r}"
            raise self.wrong(key, f'{said}; write {key} = "..."')
        return value.strip()

    def known(self, keys: Sequence[str]) -> None:
        """Refuse keys nobody reads, which are likely misspelt. Raises FileWrong."""
        for key in self.written:
            if key not in keys:
                raise self.wrong(key, f"nothing is called {key!r} here; there are {', '.join(keys)}")


def read_company(text: str, name: str, usual: CalendarSpec, known: Known) -> Company:
    """Return the people of a TOML text; who says nothing of zone and hours works as `usual`. Raises FileWrong."""
    plain = _toml(text, name)
    tables = [Table(name, text, "[[people]]", i, each) for i, each in enumerate(_tables(plain, "people", name))]
    if not tables:
        raise FileWrong(f"{name}: names nobody; write [[people]] with id, name and roles for each")
    if len(tables) > MOST_PEOPLE:
        raise FileWrong(f"{name}: names {len(tables)} people; a rehearsal takes {MOST_PEOPLE} at most")
    for key in plain:
        if key not in ("people", "customer", "vendor", "outside"):
            raise FileWrong(f"{name}: nothing is called {key!r} here; there are people, customer, vendor and outside")
    found = tuple(_person(table, usual, known) for table in tables)
    ids = [person.id for person in found]
    for i, (table, person) in enumerate(zip(tables, found, strict=True)):
        if person.id in ids[:i]:
            raise table.wrong("id", f"two people have the id {person.id!r}; give each their own")
        if person.manager is not None and person.manager not in ids:
            raise table.wrong("manager", f"{person.id}'s manager {person.manager!r} is nobody of this file")
        if person.manager == person.id:
            raise table.wrong("manager", f"{person.id} cannot be their own manager; name another, or leave it out")
    others = {
        key: _other(Table(name, text, f"[{key}]", 0, plain[key]), given, usual, known)
        for key, given in (("customer", SIGNER), ("vendor", VENDOR), ("outside", WORLD))
        if isinstance(plain.get(key), dict)
    }
    return Company(
        found, others.get("customer", at_home(SIGNER, usual)), others.get("vendor", at_home(VENDOR, usual)),
        others.get("outside", at_home(WORLD, usual)),
    )  # fmt: skip


def read_outages(text: str, name: str, zone: str, systems: Sequence[str]) -> tuple[Outage, ...]:
    """Return the outages of a TOML text; times without a zone are the company's. Raises FileWrong."""
    plain = _toml(text, name)
    tables = [Table(name, text, "[[outages]]", i, each) for i, each in enumerate(_tables(plain, "outages", name))]
    if not tables:
        raise FileWrong(f"{name}: names no outage; write [[outages]] with system, from and until for each")
    return tuple(_outage(table, Zone(zone), systems) for table in tables)


def at_home(person: Person, usual: CalendarSpec) -> Person:
    """Return somebody outside the company who works by its calendar."""
    return Person(person.id, person.name, usual, habit=person.habit)


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise FileWrong(f"{name}: is not TOML: {wrong}") from wrong


def _tables(plain: Mapping[str, Any], key: str, name: str) -> list[Mapping[str, Any]]:
    found = plain.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise FileWrong(f"{name}: {key} are tables; write [[{key}]] before each")
    return found


def _person(table: Table, usual: CalendarSpec, known: Known) -> Person:
    table.known(_PERSON)
    person = table.text_of("id")
    roles = table.written.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise table.wrong("roles", f'roles are a list such as roles = ["finance"], not {roles!r}')
    manager = table.written.get("manager")
    return Person(
        person, table.text_of("name", person), _calendar(table, usual, known), tuple(roles),
        None if manager is None else table.text_of("manager"), _habit(table, USUAL),
        active=bool(table.written.get("active", True)),
    )  # fmt: skip


def _other(table: Table, given: Person, usual: CalendarSpec, known: Known) -> Person:
    table.known(("zone", "country", "region", "hours", "leave", *_HABITS))
    return Person(given.id, given.name, _calendar(table, usual, known), habit=_habit(table, given.habit))


def _calendar(table: Table, usual: CalendarSpec, known: Known) -> CalendarSpec:
    changed: dict[str, Any] = {key: table.text_of(key) for key in ("zone", "country", "region") if key in table.written}
    if "hours" in table.written:
        changed["week"] = _week(table, table.written["hours"])
    calendar = usual.model_copy(update=changed)
    try:
        known(calendar)
    except ValueError as wrong:
        raise table.wrong("zone" if "zone" in str(wrong) else "country", str(wrong)) from wrong
    return on_leave(calendar, [_range(table, each) for each in _listed(table, "leave")])


def _week(table: Table, written: Any) -> tuple[Shifts, ...]:
    try:
        return CalendarSpec(zone="UTC", week=week(written if isinstance(written, dict) else str(written))).week
    except Mistake as wrong:
        raise table.wrong("hours", f'{wrong.what}; write hours = "9:00-17:00" or hours = {_BY_DAY}') from wrong
    except ValueError as wrong:
        said = str(wrong).partition("Value error, ")[2].partition(" [")[0]
        raise table.wrong("hours", said or "these are no working hours") from wrong


def _range(table: Table, written: Any) -> tuple[datetime, datetime]:
    first, _, last = str(written).partition("..")
    try:
        a, b = (date.fromisoformat(each.strip()) for each in (first, last or first))
    except ValueError:
        raise table.wrong("leave", f'{written} is no leave; write "2026-12-21..2027-01-02"') from None
    if b < a or (b - a).days > 3650:
        raise table.wrong("leave", f"{written} ends before it begins, or never; write first..last")
    return datetime.combine(a, time(), UTC), datetime.combine(b, time(), UTC)


def _listed(table: Table, key: str) -> list[Any]:
    written = table.written.get(key, [])
    return written if isinstance(written, list) else [written]


def _habit(table: Table, usual: Habit) -> Habit:
    return Habit(
        hours=_number(table, "answers_after", usual.hours, 0, 2000, "working hours until they look at a request"),
        spread=_number(table, "spread", usual.spread, 1, 10, "1 for always the same, 2 for half to double"),
        minutes=_number(table, "minutes", usual.minutes, 0, 10_000, "working minutes an answer takes"),
        no=_share(table, "rejects", usual.no), ask_changes=_share(table, "asks_changes", usual.ask_changes),
        ask_information=_share(table, "asks_information", usual.ask_information),
    )  # fmt: skip


def _number(table: Table, key: str, usual: float, least: float, most: float, what: str) -> float:
    written = table.written.get(key, usual)
    if isinstance(written, bool) or not isinstance(written, int | float) or not least <= written <= most:
        raise table.wrong(key, f"{key} is a number from {least:g} to {most:g} ({what}), not {written!r}")
    return float(written)


def _share(table: Table, key: str, usual: Decimal) -> Decimal:
    written = table.written.get(key, usual)
    try:
        share = Decimal(str(written).strip().removesuffix("%").strip())
    except InvalidOperation:
        share = Decimal(-1)
    if isinstance(written, bool) or not 0 <= share <= 100:
        raise table.wrong(key, f'{key} is a share of requests such as "5 %", not {written!r}')
    return share


def _outage(table: Table, zone: Zone, systems: Sequence[str]) -> Outage:
    table.known(_OUTAGE)
    system = table.text_of("system")
    if system.casefold() not in [each.casefold() for each in systems]:
        raise table.wrong("system", f"this flow uses no {system!r}; it uses {', '.join(systems[:8])}")
    since = _moment(table, "from", zone)
    if since is None:
        raise table.wrong("from", "from is missing; write from = 2026-12-01T09:00:00")
    until, lasting, every = _moment(table, "until", zone), _span(table, "lasting"), _span(table, "every")
    if until is not None and lasting is not None:
        raise table.wrong("lasting", "an outage has until or lasting, not both")
    if until is not None and until <= since:
        raise table.wrong("until", "the outage ends before it begins; give until a later time, or leave it out")
    lasting = until - since if until is not None else lasting
    if every is not None and (lasting is None or lasting >= every):
        raise table.wrong("every", "an outage that comes again needs lasting = a time shorter than every")
    return Outage(system, since, lasting, every)


def _moment(table: Table, key: str, zone: Zone) -> datetime | None:
    written = table.written.get(key)
    if written is None:
        return None
    if isinstance(written, str):
        with suppress(ValueError):
            written = datetime.fromisoformat(written)
    if isinstance(written, date) and not isinstance(written, datetime):
        written = datetime.combine(written, time())
    if not isinstance(written, datetime):
        raise table.wrong(key, f"{key} is a time such as 2026-12-01T09:00:00, not {written!r}")
    return (written if written.tzinfo else written.replace(tzinfo=zone)).astimezone(UTC)


def _span(table: Table, key: str) -> timedelta | None:
    written = table.written.get(key)
    if written is None:
        return None
    match = _SPAN.fullmatch(str(written).strip())
    if match is None or float(match[1]) <= 0 or float(match[1]) > 10_000:
        raise table.wrong(key, f'{key} is a time such as "6 hours" or "2 days", not {written!r}')
    return float(match[1]) * _UNITS[match[2]]
