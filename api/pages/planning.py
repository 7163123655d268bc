"""The plan form of a flow's page: what facts it asks for, what is wrong with them, and what the flow would do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from api.parts import Parts
from models.facts import FactSpec, Source
from models.flow import FlowDef, parameter_rules
from models.given import GivenWrong, assumed, given, plain_of
from models.people import Directory
from models.rules import facts_of
from models.tables.deals import Deal
from models.tables.people import Person
from models.values import Text, Value
from workflows.plan import Plan, plan

PREFIX = "f."
_VALUE: TypeAdapter[Any] = TypeAdapter(cast(Any, Value))


class Field(NamedTuple):
    """One fact of the form, as written, with what is wrong with it."""

    spec: FactSpec
    label: str
    written: str
    wrong: str
    hint: str


class PlanForm(NamedTuple):
    """The form and, where its facts can be taken, what the flow would do."""

    fields: Sequence[Field]
    plan: Plan | None
    wrong: str
    assumed: Sequence[str]


async def planned(
    request: Request, flow: FlowDef, people: Mapping[str, Person], source: Deal | None, me: str, parts: Parts
) -> PlanForm:
    """Return the plan for the facts in the address; without any, for those of the chosen or an ordinary deal."""
    written = {key.removeprefix(PREFIX): value for key, value in request.query_params.items() if key.startswith(PREFIX)}
    base = _base(flow, source, me)
    asked = [flow.facts[path] for path in _decisive(flow)]
    shown = {spec.path: _shown(base.get(spec.path)) for spec in asked}
    if written:
        shown = {spec.path: written.get(spec.path, "").strip() for spec in asked}
    plain: dict[str, Any] = {path: text or None for path, text in shown.items()}
    faults: dict[str, str] = {}
    made: Plan | None = None
    try:
        kept = {path: value for path, value in base.items() if path not in plain}
        facts = {**kept, **given(flow, plain)}
        directory = Directory(people.values())
        made = await asyncio.to_thread(
            plan, flow, facts, people=directory, clock=parts.company, start=parts.now().replace(microsecond=0)
        )
    except GivenWrong as wrong:
        faults = wrong.faults
    fields = [_field(spec, shown[spec.path], faults.get(spec.path, "")) for spec in asked]
    other = "; ".join(message for path, message in faults.items() if path not in shown)
    return PlanForm(fields, made, other, made.assumed if made is not None else ())


def _decisive(flow: FlowDef) -> list[str]:
    """Return the facts that decide which way a deal goes, in flow order."""
    found: dict[str, None] = {}
    rules = [*([flow.takes] if flow.takes is not None else [])]
    for placed in flow.steps.values():
        rules += [*placed.rules, *parameter_rules(placed.step)]
        until = getattr(placed.step, "until", None)
        rules += [until] if until is not None else []
    for rule in rules:
        found.update(dict.fromkeys(facts_of(rule)))
    return [path for path in found if path in flow.facts and flow.facts[path].type not in ("items", "form", "digest")]


def _base(flow: FlowDef, source: Deal | None, me: str) -> dict[str, Value]:
    """Return the facts a plan begins with: a deal's own, or made-up ones of everything that comes from outside."""
    if source is not None:
        return {path: value for path, value in _stored(source.facts).items() if path in flow.facts}
    outside = [spec for spec in flow.facts.values() if spec.source is not Source.STEP and spec.type != "form"]
    found = {spec.path: assumed(flow, spec) for spec in outside if "." not in spec.path}
    return {**found, **({"owner": Text(v=me)} if "owner" in found else {})}


def _stored(facts: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for path, raw in facts.items():
        try:
            found[path] = _VALUE.validate_python(raw)
        except ValidationError:
            continue
    return found


def _shown(value: Value | None) -> str:
    if value is None:
        return ""
    plain = plain_of(value)
    return {True: "yes", False: "no"}[plain] if isinstance(plain, bool) else str(plain)


def _field(spec: FactSpec, written: str, wrong: str) -> Field:
    label = spec.label or spec.path.replace("_", " ").replace(".", " ")
    hint = "made up unless you say" if spec.source is Source.STEP and not written else ""
    return Field(spec, label[:1].upper() + label[1:], written, wrong, hint)
