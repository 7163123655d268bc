"""What became of a rule table between two versions, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.asking import Choice, Ladder, Row, Table
from models.rules import text
from workflows.difference_words import instead
from workflows.table_words import people_words, placeless, row_words, span_words


def same(old: Any, new: Any) -> bool:
    """Return whether two values of a parameter are equal wherever the tables in them were written."""
    return bool(old == new or placeless(old) == placeless(new))


def table_changes(name: str, old: Any, new: Any) -> list[str] | None:
    """Return what changed in the tables of a parameter; None where more than their rows is different."""
    before, after = list(_tables(old)), list(_tables(new))
    if [each.name for each in before] != [each.name for each in after] or _bare(old) != _bare(new):
        return None
    pairs = zip(before, after, strict=True)
    return list(
        dict.fromkeys(words for one, other in pairs for words in _changes(f"table {one.name} of {name}", one, other))
    )


def _changes(name: str, old: Table, new: Table) -> Iterator[str]:
    if old.match != new.match:
        word = {"first": "the first row that holds", "all": "every row that holds"}
        yield f"{name} is now about {word[new.match]} instead of {word[old.match]}"
    before, after = _rows(old), _rows(new)
    gone, came = _without(before, after), _without(after, before)
    for row in list(came):
        former = _former(row, gone)
        if former is not None:
            gone.remove(former)
            came.remove(row)
            yield f"{name}: {_row_change(former, row)}"
    yield from (f"{name} has a new row: {row_words(row, new.match)}" for row in came)
    yield from (f"{name} no longer has the row: {row_words(row, old.match)}" for row in gone)
    if before != after and sorted(map(repr, before)) == sorted(map(repr, after)):
        yield f"{name} has the same rows in another order: {'; '.join(row_words(row, new.match) for row in after)}"


def _row_change(old: Row, new: Row) -> str:
    """Return what became of a row that kept two of its rule, its people and its days."""
    when = f"when {text(new.when)}" if new.when is not None else "otherwise"
    if old.who != new.who:
        return f"{when} it now names {_instead(people_words(old.who), people_words(new.who), old.who, new.who)}"
    days = span_words(new.since, new.until)
    if old.when != new.when:
        before = f"when {text(old.when)}" if old.when is not None else "otherwise"
        told = _instead(before, when, old.when, new.when)
        return f"it now names {people_words(new.who)} {told}" + (f", {days}" if days else "")
    former = span_words(old.since, old.until)
    return f"{when} it names {people_words(new.who)} now {days or 'always'} instead of {former or 'always'}"


def _instead(before: str, after: str, old: Any, new: Any) -> str:
    """Return the new words instead of the old ones; of two that are said alike, the data."""
    return f"{after} instead of {before}" if after != before else instead(old, new)


def _former(row: Row, gone: list[Row]) -> Row | None:
    """Return what a row was before: the one that differs in nothing but its people, its days or its rule."""
    for kept in (("when", "since", "until"), ("when", "who"), ("who", "since", "until")):
        for other in gone:
            if all(getattr(row, field) == getattr(other, field) for field in kept):
                return other
    return None


def _rows(table: Table) -> list[Row]:
    return [row.model_copy(update={"line": 0}) for row in table.rows]


def _without(rows: list[Row], others: list[Row]) -> list[Row]:
    left = list(others)
    found = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            found.append(row)
    return found


def _tables(value: Any) -> Iterator[Table]:
    match value:
        case Table():
            yield value
        case tuple():
            for each in value:
                yield from _tables(each)
        case Ladder():
            yield from _tables(value.rungs)
        case Choice():
            for _, pick in value.picks:
                yield from _tables(pick)
            yield from _tables(value.otherwise)


def _bare(value: Any) -> Any:
    """Return a parameter with its tables as if they had no rows."""
    match value:
        case Table():
            return value.model_copy(update={"rows": (), "match": "first", "line": 0})
        case tuple():
            return tuple(_bare(each) for each in value)
        case Ladder():
            return value.model_copy(update={"rungs": _bare(value.rungs)})
        case Choice():
            picks = tuple((rule, _bare(pick)) for rule, pick in value.picks)
            return value.model_copy(update={"picks": picks, "otherwise": _bare(value.otherwise)})
    return value
