"""How an act goes from a door to a deal: today's rights, then the workflow, then the answer or a journalled refusal."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast

from fastapi import Body
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from api import queries
from api.auth import Caller
from api.bodies import read_body
from api.gateway import KeyedAct, NotRunning, Refused, Unreachable
from api.parts import Parts
from api.policy import Asked, onboarding_refusal, refusal
from api.problems import TABLE, Problem
from api.refusals import journal_refusal
from api.vetting import vet
from models.acts import Act
from models.deal import Receipt
from models.onboarding import OnboardingAct
from models.tables.people import Person


async def carry_out(parts: Parts, caller: Caller, deal_id: str, act: KeyedAct, do: str, step: str | None) -> Receipt:
    """Hand an act to a deal in this person's name. Raises Problem; a repeated answer is a receipt, not a problem."""
    asked = await _asked(parts, caller.id, deal_id, step)
    code = refusal(caller, do, asked)
    if code is not None:
        await journal_refusal(parts, deal_id, caller.id, do, step, code, TABLE[code].title)
        raise Problem(code, _whom(code, asked))
    try:
        await vet(parts, act)
    except Problem as wrong:
        await journal_refusal(parts, deal_id, caller.id, do, step, wrong.code, wrong.detail)
        raise
    return await _hand_over(parts, deal_id, caller.id, do, step, lambda: parts.gateway.act(deal_id, act))


async def sign(parts: Parts, deal_id: str, act: KeyedAct, do: str, step: str, signer: str) -> Receipt:
    """Hand a customer's signature or refusal to a deal; the link was the right to do so."""
    return await _hand_over(parts, deal_id, signer, do, step, lambda: parts.gateway.act(deal_id, act))


async def onboard(parts: Parts, caller: Caller, onboarding_id: str, task: str, act: KeyedAct, do: str) -> Receipt:
    """Hand an act to an onboarding in this person's name."""
    async with parts.database.read() as session:
        onboarding = await queries.onboarding(session, onboarding_id)
        if onboarding is None:
            raise Problem("unknown_onboarding")
        owner = next((t.owner for t in await queries.tasks(session, [onboarding_id]) if t.task == task), None)
    if owner is None:
        raise Problem("unknown_step", f"The plan has no task {task}.")
    code = onboarding_refusal(caller, onboarding.manager, owner)
    if code is not None:
        await journal_refusal(parts, onboarding.deal_id, caller.id, do, task, code, TABLE[code].title)
        raise Problem(code)
    act_now = lambda: parts.gateway.onboard(onboarding_id, act)  # noqa: E731
    return await _hand_over(parts, onboarding.deal_id, caller.id, do, task, act_now)


ACT: TypeAdapter[Any] = TypeAdapter(cast(Any, Act))
ONBOARDING_ACT: TypeAdapter[Any] = TypeAdapter(cast(Any, OnboardingAct))
# The body of an act; api/openapi.py describes it with the acts themselves.
ActBody = Annotated[dict[str, Any], Body()]


def made_by(kind: TypeAdapter[Any], body: dict[str, Any], person: str, key: str | None) -> Any:
    """Return the act a body describes, in this person's name, under the header's key or else the body's."""
    given = key or body.get("key")
    if not isinstance(given, str) or not given:
        raise Problem("key_needed")
    said = {**body, "by": person, "key": update_id(person, given), "channel": "api"}
    try:
        return kind.validate_python(said)
    except ValidationError as wrong:
        raise RequestValidationError(wrong.errors(include_url=False, include_context=False)) from wrong


def update_id(person: str, key: str) -> str:
    """Return the id of the workflow's update: one person's key never meets another's."""
    return f"{person}:{key}"


def new_key() -> str:
    """Return a one-time key for a form."""
    return uuid.uuid4().hex


async def _asked(parts: Parts, caller: str, deal_id: str, step: str | None) -> Asked:
    async with parts.database.read() as session:
        deal = await queries.deal(session, deal_id)
        if deal is None:
            raise Problem("unknown_deal", f"There is no deal {deal_id.removeprefix('deal/')}.")
        owner = await session.get(Person, deal.owner) if deal.owner else None
        open_now = [r for r in await queries.requests_of(session, deal_id) if step is not None and r.step == step]
    waiting = {p for r in open_now for p in r.people}
    named = [each for r in open_now for each in read_body(r.body).asked]
    mine = [each for each in named if each.person == caller]
    return Asked(
        deal.owner,
        owner.manager if owner else None,
        frozenset(waiting),
        frozenset(each.person for each in named),
        frozenset(each.role for each in mine) if mine and all(each.role for each in mine) else frozenset(),
    )


async def _hand_over(
    parts: Parts, deal_id: str, who: str, do: str, step: str | None, send: Callable[[], Awaitable[Receipt]]
) -> Receipt:
    try:
        return await send()
    except Refused as no:
        if no.code == "already_answered":
            return _earlier(no, parts)
        code = no.code if no.code in TABLE else "invalid"
        await journal_refusal(parts, deal_id, who, do, step, code, no.message)
        raise Problem(code, no.message, **_extra(no.details)) from no
    except NotRunning as gone:
        raise Problem("ended") from gone
    except Unreachable as silent:
        raise Problem("worker_down" if silent.worker else "temporal_down", str(silent)) from silent


def _earlier(no: Refused, parts: Parts) -> Receipt:
    given = {"outcome": "answered", "message": no.message, "seq": 0, "by": "", "at": parts.now(), **no.details}
    recorded: Any = given.get("receipt")
    if isinstance(recorded, dict):
        given |= recorded
    return Receipt.model_validate({**given, "repeated": True})


def _extra(details: dict[str, Any]) -> dict[str, Any]:
    reserved = {"type", "title", "status", "detail", "instance", "code", "next", "request_id", "errors"}
    return {name: value for name, value in details.items() if name not in reserved}


def _whom(code: str, asked: Asked) -> str:
    if code == "not_yours" and asked.waiting_on:
        return f"It waits for {', '.join(sorted(asked.waiting_on))}."
    if code == "lost_role":
        return f"It is asked of {', '.join(sorted(asked.through)).replace('_', ' ')}, a role you no longer hold."
    return ""
