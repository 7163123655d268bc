"""What a company's own tests of its flows call: load a flow, plan a deal, see who is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.flow import loaded
from cli.flow_plan import colleagues, company_time
from models.flow import FlowDef
from models.given import given, parsed
from models.people import Directory
from workflows.plan import Plan, plan

MONDAY = datetime(2026, 11, 16, 15, tzinfo=UTC)
"""When a planned deal arrives: the same every day, so that a test that passes today passes tomorrow."""


def flow_in(file: Path) -> FlowDef:
    """Return the flow of a file. Raises AssertionError with every mistake that `throughline flow check` would tell."""
    library = loaded([file], shipped=False)
    found = library.check()
    told = "\n".join(f"{each.file}:{each.line}: {each.what}; {each.remedy}" for each in found)
    assert not found, f"the flow has mistakes:\n{told}"
    assert len(library.flows) == 1, f"{file} holds {len(library.flows)} flows; a test is about one"
    return library.flows[0]


def planned(
    flow: FlowDef, facts: Path, *, people: Path | None = None, start: datetime = MONDAY, **changed: Any
) -> Plan:
    """Return what the flow would do for the deal of a facts file.

    `changed` are facts as people write them (discount="20 %"); None makes one unknown. Without `people`, a TOML file,
    the demo's company answers. Raises GivenWrong for facts that are none of the flow's or of another type.
    """
    written = {**parsed(facts.read_text("utf-8"), facts.name), **changed}
    return plan(flow, given(flow, written), people=Directory(colleagues(people)), clock=company_time(), start=start)


def asked(plan: Plan) -> dict[str, list[str]]:
    """Return who is asked at each step, in the order of the flow: {"approval:discount": ["deal desk"]}."""
    return {step.step: [party.who for party in step.asked] for step in plan.steps if step.asked}


def skipped(plan: Plan) -> dict[str, str]:
    """Return the steps that are not for this deal, with why: {"approval:discount": "discount 10 % is not > 15 %"}."""
    return {step.step: step.why for step in plan.steps if step.state == "skipped"}
