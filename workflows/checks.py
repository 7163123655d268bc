"""Mistakes in a flow, found before a deal runs it: each with its place, what to write instead, and why it matters."""

from __future__ import annotations

from collections.abc import Iterator

from models.flow import FlowDef
from workflows.checks_codes import CODES, FATAL, ROLES, Code, Finding, Menu, described, nearest
from workflows.checks_facts import facts
from workflows.checks_names import names, routes
from workflows.checks_order import order
from workflows.checks_people import people
from workflows.checks_rules import never_chosen, rules
from workflows.checks_time import deadlines
from workflows.checks_tree import Place, places

__all__ = ["CODES", "FATAL", "ROLES", "Code", "Finding", "Menu", "check", "described", "nearest", "never_chosen"]


def check(flow: FlowDef, menu: Menu | None = None) -> list[Finding]:
    """Return the mistakes in a bound flow, top to bottom."""
    menu, placed = menu or Menu(), places(flow)
    found = [*_shape(flow, menu, placed), *people(flow, menu, placed)]
    return sorted(dict.fromkeys(found), key=lambda each: each.line)


def _shape(flow: FlowDef, menu: Menu, placed: list[Place]) -> Iterator[Finding]:
    """Yield what is wrong whoever the people are."""
    yield from names(flow, menu, placed)
    yield from order(flow, placed)
    if not placed:
        return
    yield from routes(flow, placed)
    yield from deadlines(flow, menu, placed)
    yield from facts(flow, placed)
    yield from rules(flow, placed)
