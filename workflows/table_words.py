"""How a rule table and its rows are said, and a table without the lines it was written in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from models.asking import Choice, Ladder, Party, Row, Table, Who, who_words
from models.rules import text


def placeless(value: object) -> object:
    """Return a parameter with every table in it as if it were written nowhere; where it stands changes nothing."""
    match value:
        case Table():
            rows = tuple(row.model_copy(update={"line": 0}) for row in value.rows)
            return value.model_copy(update={"rows": rows, "line": 0})
        case tuple():
            return tuple(placeless(each) for each in value)
        case Choice():
            picks = tuple((rule, placeless(each)) for rule, each in value.picks)
            return value.model_copy(update={"picks": picks, "otherwise": placeless(value.otherwise)})
        case Ladder():
            return value.model_copy(update={"rungs": placeless(value.rungs)})
    return value


def row_words(row: Row, match: str = "first") -> str:
    """Return "cfo when amount > $100,000, from 1 Jan 2027"."""
    days = span_words(row.since, row.until)
    when = f"when {text(row.when)}" if row.when is not None else "otherwise" if match == "first" else "always"
    return f"{people_words(row.who)} {when}" + (f", {days}" if days else "")


def table_words(table: Table) -> str:
    """Return a table and its rows: "table large-deals (the first that holds: cfo when ..., vp sales otherwise)"."""
    how = "the first that holds" if table.match == "first" else "every one that holds"
    return f"table {table.name} ({how}: {'; '.join(row_words(row, table.match) for row in table.rows)})"


def people_words(whom: Iterable[Who | Party]) -> str:
    return " and ".join(who_words(who) for who in whom) or "nobody"


def span_words(first: date | None, last: date | None) -> str:
    """Return days as a page says them: "from 1 Jan to 31 Mar 2027" with both years; nothing where there is no end."""
    begins, ends = (f"{day.day} {day:%b %Y}" if day else "" for day in (first, last))
    if first == last:
        return f"on {begins}" if begins else ""
    if not ends:
        return f"from {begins} on"
    return f"from {begins} to {ends}" if begins else f"until {ends}"
