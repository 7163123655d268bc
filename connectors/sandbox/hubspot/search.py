"""HubSpot's CRM search ("Search the CRM"): filter groups, sorting, paging by offset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.sandbox.hubspot.records import error
from connectors.sandbox.store import Record

_LARGEST_PAGE = 200
_LAST_RESULT = 10_000
_OPERATORS = {
    "EQ",
    "NEQ",
    "GT",
    "GTE",
    "LT",
    "LTE",
    "IN",
    "NOT_IN",
    "HAS_PROPERTY",
    "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN",
}


def page(records: Sequence[Record], asked: Record) -> tuple[list[Record], int, str | None]:
    """Return one page, how many there are in all, and where the next page begins."""
    groups = asked.get("filterGroups") or []
    if len(groups) > 5 or any(len(group.get("filters") or []) > 6 for group in groups):
        error(400, "VALIDATION_ERROR", "Too many filter groups or filters")
    found = [each for each in records if not groups or any(_fits(each, group) for group in groups)]
    if query := str(asked.get("query") or "").lower():
        found = [each for each in found if any(query in str(value).lower() for value in each["properties"].values())]
    for sort in asked.get("sorts") or []:
        name, down = sort.get("propertyName", ""), sort.get("direction") == "DESCENDING"
        found = sorted(found, key=lambda each: _value(each["properties"].get(name)), reverse=down)
    limit, start = int(asked.get("limit") or 10), int(asked.get("after") or 0)
    if limit > _LARGEST_PAGE:
        error(400, "VALIDATION_ERROR", f"Invalid input: limit cannot be greater than {_LARGEST_PAGE}")
    if start + limit > _LAST_RESULT:
        error(400, "VALIDATION_ERROR", "The paging object's `after` cannot exceed 10000")
    more = start + limit < len(found)
    return found[start : start + limit], len(found), str(start + limit) if more else None


def _fits(record: Record, group: Record) -> bool:
    return all(_holds(record["properties"].get(each["propertyName"]), each) for each in group.get("filters") or [])


def _holds(has: str | None, wanted: Record) -> bool:
    value, operator = wanted.get("value"), wanted.get("operator")
    if operator not in _OPERATORS:
        error(400, "VALIDATION_ERROR", f"operator {operator} is not supported")
    match operator:
        case "HAS_PROPERTY":
            return bool(has)
        case "NOT_HAS_PROPERTY":
            return not has
        case "IN" | "NOT_IN":
            return ((has or "") in (wanted.get("values") or [])) is (operator == "IN")
        case "CONTAINS_TOKEN":
            return str(value).strip("*").lower() in (has or "").lower()
        case "EQ" | "NEQ":
            return (_value(has) == _value(value)) is (operator == "EQ")
        case _:
            one, two = _value(has), _value(value)
            return {"GT": one > two, "GTE": one >= two, "LT": one < two, "LTE": one <= two}[str(operator)]


def _value(text: Any) -> tuple[int, float, str]:
    """Return something that can be compared: dates and numbers by size, the rest by letters."""
    try:
        return (0, float(text), "")
    except (TypeError, ValueError):
        pass
    try:
        return (0, datetime.fromisoformat(str(text)).timestamp() * 1000, "")
    except ValueError:
        return (1, 0.0, str(text or "").lower())
