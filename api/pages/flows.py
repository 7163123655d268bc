"""The flows on offer, and one flow: where its deals are, what it would do, its checks, versions and differences."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Path, Query
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from api import flow_figures, queries
from api.flows_on_offer import offer_of
from api.pages.addresses import flow_path
from api.pages.drawings import difference_picture, flow_picture, flow_rows, shape
from api.pages.frame import show, words_of
from api.pages.planning import planned
from api.pages.requests import names
from api.pages.versions import Version, chosen, versions_of
from api.pages.words import length
from api.parts import Asking, With
from api.problems import Problem
from models.flow import FlowDef
from workflows.checks_codes import Finding
from workflows.difference import difference

router = APIRouter()
Digest = Annotated[str, Query(max_length=64)]
SHOWN = 40
"""How many changes and findings a page lists; the command line lists all."""


class Card(NamedTuple):
    """One flow of the gallery."""

    name: str
    path: str
    flow: FlowDef | None
    """None for a flow that is no longer on offer."""
    picture: Markup | None
    version: str
    stages: Sequence[tuple[str, int]]
    running: int
    slowest: str
    times: Sequence[tuple[str, str]]
    """Every step with its median in words; empty while no step was done often enough."""
    findings: int
    fatal: bool


@router.get("/flows")
async def flows(request: Request, parts: With) -> Response:
    """Show every flow: its shape, what runs on it, how long it takes, what the checks say."""
    offer = offer_of(parts.intake)
    async with parts.database.read() as session:
        stages = await flow_figures.stages(session)
        used = {row.name: row.version for row in reversed(await queries.flows(session))}
        times = {flow.name: await flow_figures.took(session, flow.name) for flow in offer.library.flows}
    findings = await asyncio.to_thread(lambda: offer.findings)
    cards = [
        _card(flow, stages.get(flow.name, {}), times[flow.name], _about(flow, findings)) for flow in offer.library.flows
    ]
    here = {card.name for card in cards}
    cards += [_gone(name, version, stages.get(name, {})) for name, version in sorted(used.items()) if name not in here]
    broken = [finding for finding in findings if not finding.flow]
    return await show(request, "flows.html", {"cards": cards, "broken": broken[:SHOWN]})


@router.get("/flows/{name}")
async def flow(
    request: Request,
    parts: With,
    me: Asking,
    name: Annotated[str, Path(max_length=120)],
    old: Digest = "",
    new: Digest = "",
    deal: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show one flow. What is planned and what is compared stand in the address."""
    offer = offer_of(parts.intake)
    async with parts.database.read() as session:
        stored = [row for row in await queries.flows(session) if row.name == name]
        using = await flow_figures.using(session, name)
        versions = versions_of(name, stored, offer.library, using)
        if not versions:
            raise Problem("not_found", f"There is no flow {name}.")
        waiting = await flow_figures.waiting(session, name, parts.now())
        times = await flow_figures.took(session, name)
        stages = (await flow_figures.stages(session)).get(name, {})
        people = await queries.people(session)
        recent, _ = await queries.deals(session, queries.DealFilter(flow=name), None, 20)
        source = await queries.deal(session, deal) if deal else None
    current = versions[0].flow
    form = await planned(request, current, people, source, me.id, parts) if current is not None else None
    findings = await asyncio.to_thread(lambda: offer.findings) if versions[0].on_offer else ()
    context: dict[str, Any] = {
        "name": name,
        "address": flow_path(name),
        "flow": current,
        "versions": versions,
        "running": sum(stages.values()),
        "picture": flow_picture(current, waiting, times) if current is not None else None,
        "rows": flow_rows(current, waiting, times) if current is not None else (),
        "enough": flow_figures.ENOUGH,
        "form": form,
        "deals": [(each.id, each.account or each.title) for each in recent],
        "deal": deal if source is not None else "",
        "names": names(people),
        "findings": _about(current, findings)[:SHOWN] if current is not None else [],
        "compared": _compared(versions, old, new),
        "w": words_of(request),
    }
    return await show(request, "flow.html", context)


class Compared(NamedTuple):
    """Two definitions and what is different in the new one."""

    old: Version
    new: Version
    changes: Sequence[Any]
    more: int
    picture: Markup | None


def _compared(versions: Sequence[Version], old: str, new: str) -> Compared | None:
    """Return what the chosen versions differ in; without a choice the newest two, none with fewer."""
    pair = chosen(versions, old, new)
    if pair is None:
        return None
    before, after = pair
    assert before.flow is not None
    assert after.flow is not None
    changes = difference(before.flow, after.flow)
    picture = difference_picture(before.flow, after.flow) if changes else None
    return Compared(before, after, changes[:SHOWN], max(0, len(changes) - SHOWN), picture)


def _card(
    flow: FlowDef,
    stages: Mapping[str, int],
    times: Mapping[str, flow_figures.Took],
    findings: Sequence[Finding],
) -> Card:
    titles = {row.step: row.title for row in flow_rows(flow, {}, {})}
    known = {step: length(took.median) for step, took in times.items() if step in titles}
    worst = flow_figures.slowest({step: times[step] for step in known})
    return Card(
        name=flow.name,
        path=flow_path(flow.name),
        flow=flow,
        picture=shape(flow),
        version=f"version {flow.version}",
        stages=[(stage, stages.get(stage, 0)) for stage in flow.stage_names],
        running=sum(stages.values()),
        slowest=f"{titles[worst]}, median {known[worst]}" if worst is not None else "",
        times=[(title, known.get(step, "")) for step, title in titles.items()] if known else (),
        findings=len(findings),
        fatal=any(finding.severity != "warning" for finding in findings),
    )


def _gone(name: str, version: int, stages: Mapping[str, int]) -> Card:
    return Card(
        name=name,
        path=flow_path(name),
        flow=None,
        picture=None,
        version=f"last version {version}",
        stages=sorted(stages.items()),
        running=sum(stages.values()),
        slowest="",
        times=(),
        findings=0,
        fatal=False,
    )


def _about(flow: FlowDef, findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.flow in {flow.name, f"{flow.name} version {flow.version}"}]
