"""Mistakes in a flow, found before a deal runs it: each with its place, what to write instead, and why it matters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.flow import FlowDef
from workflows.checks_codes import CODES, FATAL, ROLES, Code, Finding, Menu, described, nearest
from workflows.checks_facts import Reads, facts
from workflows.checks_names import names, routes
from workflows.checks_order import order
from workflows.checks_people import people
from workflows.checks_rules import never_chosen, rules
from workflows.checks_tables import tables
from workflows.checks_time import deadlines
from workflows.checks_tree import places

__all__ = [
    "CODES", "FATAL", "ROLES", "Code", "Finding", "Menu", "check", "described", "nearest", "never_chosen", "shape",
]  # fmt: skip


def check(flow: FlowDef, menu: Menu | None = None, known: Iterable[Finding] | None = None) -> list[Finding]:
    """Return the mistakes in a bound flow, top to bottom. `known` is what `shape` found before."""
    menu = menu or Menu()
    found = [*(shape(flow, menu) if known is None else known), *people(flow, menu, places(flow))]
    return sorted(dict.fromkeys(found), key=lambda each: each.line)


def shape(flow: FlowDef, menu: Menu) -> Iterator[Finding]:
    """Yield what is wrong whoever the people are."""
    reads = Reads(flow, places(flow))
    yield from names(flow, menu, reads.placed)
    yield from order(reads)
    if not reads.placed:
        return
    yield from routes(flow, reads.placed)
    yield from deadlines(menu, reads)
    yield from facts(reads)
    yield from rules(flow, reads.placed)
    yield from tables(flow, reads.placed)
