"""Flows around one rule table, and what is said of them."""

from __future__ import annotations

from typing import Any

from activities.catalog import CATALOG, price_quote
from models.asking import Row, Table
from models.flow import FlowDef
from models.money import usd
from tests.flows.test_checks_doc import templates
from workflows.binding import bind
from workflows.checks import Finding, Menu, check
from workflows.flows.facts import deal
from workflows.flows.packets import PACKETS
from workflows.language import (
    Approval,
    Call,
    Flow,
    Stage,
    business_days,
    managers,
    row,
    table,
)

USD = {"USD": 1}
CFO, VP, REST = deal.amount > usd(100_000), deal.amount > usd(50_000), None


def flow(*steps: Any, **more: Any) -> FlowDef:
    written = Flow("f", Stage("s", Call(price_quote), *steps, on_reject="s", **more), version=1)
    actions = {action.name: action.spec() for action in CATALOG}
    return bind(written, deal, actions=actions, templates=templates(), packets=PACKETS)


def asked(by: Any, **more: Any) -> FlowDef:
    return flow(Approval("a", by=by, **{"within": business_days(2), "escalate_to": "ceo", **more}))


def levels(*more: Row, match: Any = "first") -> Table:
    return table("levels", row("cfo", when=CFO), row("vp_sales", when=VP), row(managers(1)), *more, match=match)


def found(made: FlowDef, **people: set[str]) -> list[Finding]:
    roles = {role: frozenset(names) for role, names in people.items()}
    menu = Menu(roles=frozenset(roles), people=roles) if people else Menu()
    return [each for each in check(made, menu) if each.code not in ("unknown_action", "wrong_type")]


def codes(made: FlowDef, **people: set[str]) -> list[str]:
    return [each.code for each in found(made, **people)]


def told(made: FlowDef, **people: set[str]) -> str:
    [only] = found(made, **people)
    return only.what


def dated(*rows: Row, match: Any = "first", **more: Any) -> FlowDef:
    return asked(table("t", *rows, match=match), **more)
