"""A change before it is made: what it takes back, whom it asks, how long that takes; then it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import queries, supporting
from api.acting import carry_out, new_key, update_id
from api.auth import Caller
from api.deals import deal_id_of
from api.pages import addresses
from api.pages.frame import show
from api.pages.requests import SHOWN_AGAIN, names, visible
from api.pages.words import first_up, length
from api.parts import Asking, Parts, With
from api.policy import OPERATORS
from api.previewing import TAKEN_BACK, Previewed, previewed
from api.problems import Problem
from api.supporting import Usual
from models.acts import Revise
from models.deal import DealState
from models.facts import FactSpec, Source
from models.given import GivenWrong, given, plain_of
from models.preview import Line
from models.values import Value

router = APIRouter()
FACT = "fact."
ENOUGH = 3
"""Of fewer answers nothing is said about how long they take."""
MACHINES = frozenset({"call", "render", "subflow"})
SourceName = Annotated[str, Path(max_length=40)]
Part = Annotated[str, Path(max_length=120)]
BIG = frozenset({"items", "form", "digest"})
TONES = {
    "stands": ("ok", "check"),
    "asked again": ("due", "undo"),
    "asked": ("now", "person"),
    "shown anew": ("now", "edit"),
    "void": ("late", "x"),
    "signed again": ("due", "undo"),
    "asked of the owner": ("due", "ask"),
}


@dataclass(frozen=True)
class Field:
    """One fact that may be changed here: what it is now, what was written, what is wrong with that."""

    spec: FactSpec
    label: str
    now: str
    written: str
    wrong: str


@dataclass(frozen=True)
class Row:
    """One line of the table, in words."""

    line: Line
    tone: str
    sign: str
    whom: str
    usual: str


@router.get("/deals/{source}/{source_id}/preview")
async def read(request: Request, source: SourceName, source_id: Part, parts: With, me: Asking) -> Response:
    """Show what a change would do; the change lives in the address and nothing is made by reading."""
    return await _page(request, parts, me, deal_id_of(source, source_id), request.query_params)


@router.post("/deals/{source}/{source_id}/preview")
async def change(request: Request, source: SourceName, source_id: Part, parts: With, me: Asking) -> Response:
    """Make the change that was shown; if it would no longer come to the same, it is shown anew instead."""
    deal_id = deal_id_of(source, source_id)
    form = await request.form()
    found = await previewed(parts, me, deal_id, {})
    try:
        facts = _given(found.state, form)
    except GivenWrong:
        return await _page(request, parts, me, deal_id, form, status=422)
    if not facts:
        return await _page(
            request, parts, me, deal_id, form, told="Nothing was changed: fill in a new value.", status=422
        )
    seen = await previewed(parts, me, deal_id, facts)
    if str(form.get("fingerprint", "")) != seen.preview.fingerprint:
        told = "The deal moved on while you were reading. This is what the change would come to now."
        return await _page(request, parts, me, deal_id, form, told=told, status=409)
    if _takes_back(seen) and form.get("agree") != "yes":
        told = "Tick that you know whose answers this takes back."
        return await _page(request, parts, me, deal_id, form, told=told, status=422)
    key = update_id(me.id, str(form.get("key") or new_key())[:100])
    act = Revise(key=key, by=me.id, channel="page", source="person", at=parts.now(), facts=facts)
    try:
        receipt = await carry_out(parts, me, deal_id, act, act.do, None)
    except Problem as problem:
        if problem.code not in SHOWN_AGAIN:
            raise
        return await _page(request, parts, me, deal_id, form, told=problem.detail, status=problem.kind.status)
    await visible(parts, deal_id, receipt.seq)
    return RedirectResponse(addresses.deal_path(deal_id), 303)


async def _page(
    request: Request,
    parts: Parts,
    me: Caller,
    deal_id: str,
    said: QueryParams | FormData,
    *,
    told: str = "",
    status: int = 200,
) -> Response:
    now = await previewed(parts, me, deal_id, {})
    faults: Mapping[str, str] = {}
    facts: dict[str, Value] = {}
    try:
        facts = _given(now.state, said)
        found = await previewed(parts, me, deal_id, facts) if facts else now
    except GivenWrong as wrong:
        faults, found, status = wrong.faults, now, 422
    except Problem as problem:
        beside = problem.extra.get("field")
        if not isinstance(beside, str):
            raise
        faults, found, status = {beside: problem.detail}, now, 422
    async with parts.database.read() as session:
        deal = await queries.deal(session, deal_id)
        people = await queries.people(session)
        usual = await supporting.usual(session, now.state.flow.name, parts.now())
    assert deal is not None, deal_id
    called = names(people)
    owner = people.get(deal.owner)
    context = {
        "deal": deal,
        "address": addresses.deal_path(deal_id),
        "fields": _fields(now.state, said, faults),
        "changed": [
            (_label(now.state.flow.facts[path]), _now(now.state, path), plain_of(v)) for path, v in facts.items()
        ],
        "facts": {path: str(said.get(FACT + path, "")) for path in facts},
        "rows": [_row(each, usual.get(each.step), called) for each in found.preview.lines],
        "held": found.preview.held,
        "fingerprint": found.preview.fingerprint,
        "takes_back": _takes_back(found) if facts else [],
        "told": told,
        "names": called,
        "rules": me.id in {deal.owner, owner.manager if owner else None} or bool(me.roles & set(OPERATORS)),
    }
    return await show(request, "preview.html", context, status)


def _given(state: DealState, said: QueryParams | FormData) -> dict[str, Value]:
    """Return the facts somebody gave another value than the deal has. Raises GivenWrong."""
    plain: dict[str, Any] = {}
    for spec in _open_facts(state):
        text = said.get(FACT + spec.path)
        if isinstance(text, str) and text.strip() and text.strip() != _now(state, spec.path):
            plain[spec.path] = text.strip()
    return {path: value for path, value in given(state.flow, plain).items() if state.facts.get(path) != value}


def _open_facts(state: DealState) -> list[FactSpec]:
    """Return the facts people may change: none that a step works out, and none too large to type."""
    return [
        spec
        for spec in state.flow.facts.values()
        if spec.source is not Source.STEP and spec.type not in BIG and "." not in spec.path
    ]


def _fields(state: DealState, said: QueryParams | FormData, faults: Mapping[str, str]) -> list[Field]:
    fields = []
    for spec in _open_facts(state):
        written = said.get(FACT + spec.path)
        now = _now(state, spec.path)
        wrong = first_up(faults[spec.path]) if spec.path in faults else ""
        fields.append(Field(spec, _label(spec), now, written if isinstance(written, str) else now, wrong))
    return fields


def _now(state: DealState, path: str) -> str:
    value = state.facts.get(path)
    if value is None:
        return ""
    plain = plain_of(value)
    return ("yes" if plain else "no") if isinstance(plain, bool) else str(plain)


def _label(spec: FactSpec) -> str:
    return first_up(spec.label or spec.path.replace("_", " "))


def _takes_back(found: Previewed) -> list[Line]:
    return [line for line in found.preview.lines if line.what in TAKEN_BACK]


def _row(line: Line, usual: Usual | None, called: Mapping[str, str]) -> Row:
    tone, sign = TONES.get(line.what, ("", "dot"))
    asked = ", ".join(called.get(p, p) for p in line.people) or line.who
    whom = called.get(line.person, line.person) if line.person else asked
    whom = whom or ("the system" if line.kind in MACHINES else "nobody")
    takes = ""
    if usual is not None and usual.answers >= ENOUGH and line.what not in {"stands", "no longer called for", "void"}:
        half, most = length(timedelta(hours=usual.hours)), length(timedelta(hours=usual.slow))
        takes = f"usually {half}; four of five within {most} ({usual.answers} answers)"
    return Row(line, tone, sign, whom, takes)
