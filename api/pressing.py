"""What a press or a form in chat means: whose it is, which act it stands for, and how its message looks afterwards."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import col

from activities.composing import Addressed, Composer, Pressed, request_path, standing
from activities.messages import names_of
from activities.told import in_words
from api import queries
from api.acting import ACT, carry_out, update_id
from api.auth import Caller
from api.forms_in_chat import FORM, form_of
from api.parts import Parts
from api.problems import TABLE, Problem
from api.refusals import journal_refusal
from connectors.chat import Chat, Click, Filled
from connectors.contract import Button, ConnectorFailure, ExternalRef
from models.approval import UNDO_WINDOW
from models.deal import Receipt
from models.tables.effects import EffectRow
from models.tables.outbound import Outbound
from models.tables.people import Person
from models.tables.requests import Request

log = logging.getLogger(__name__)
Heard = Click | Filled
VERDICTS = ("approve", "accept", "reject", "ask_changes")
_DONE = {
    "approve": "approved", "accept": "accepted", "reject": "rejected", "ask_changes": "sent it back",
    "ask_information": "asked a question", "give_information": "answered", "undo": "took the answer back",
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What whoever pressed is told. `field` names what is wrong with a form; `done` says that it was recorded."""

    text: str = ""
    title: str = "Not recorded"
    field: str = ""
    done: bool = False
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True)
class _About:
    """The message that was answered, its request, and whoever answers."""

    pressed: Pressed
    row: Outbound
    request: Request
    me: Caller


class Talk:
    """One press or form, from the chat to the deal and back."""

    def __init__(self, parts: Parts, chat: Chat, heard: Heard) -> None:
        self._parts, self._chat, self._heard = parts, chat, heard
        self._composer = Composer(parts.settings.public_url)

    async def answer(self) -> Said:
        """Do what was asked and return what to say of it; never raises, as nobody but its presser would know."""
        try:
            about = await self._about()
            return about if isinstance(about, Said) else await self._answer(about)
        except Problem as problem:
            return Said(_words(problem))
        except ConnectorFailure as failure:
            log.warning("a press in chat could not be answered there: %s", type(failure).__name__)
            return Said(f"Slack did not take our answer ({failure}). Press the button once more.")
        except Exception:
            log.exception("a press in chat failed")
            return Said("Something went wrong on our side; nothing was recorded. Press the button once more.")

    async def _about(self) -> _About | Said:
        pressed = Pressed.read(self._heard.value)
        if pressed is None:
            return Said("This button is not one of Throughline's. Open your inbox there to see what waits for you.")
        async with self._parts.database.read() as session:
            row = await session.get(Outbound, pressed.message)
            request = await queries.request(session, str(row.body.get("request", ""))) if row else None
            mine = list(await session.scalars(select(Person).where(col(Person.slack) == self._heard.who)))
        if row is None or request is None:
            return Said(f"{TABLE['unknown_request'].title}. {TABLE['unknown_request'].next}")
        active = [person for person in mine if person.active]
        if len(active) == 1:
            return _About(pressed, row, request, Caller.of(active[0], "chat"))
        return await self._nobody(request, known=mine, active=len(active))

    async def _nobody(self, request: Request, known: list[Person], active: int) -> Said:
        """Refuse somebody of the chat who is nobody, or not one person, here; the journal says who tried."""
        who = self._heard.who
        if active > 1:
            why = f"the Slack member {who} stands for {active} people here; let an administrator correct that"
        elif known:
            why = f"{known[0].name} is no longer active here"
        else:
            why = f"the Slack member {who} is nobody here; let an administrator enter that id with your person"
        await journal_refusal(
            self._parts, request.deal_id, f"slack:{who}", self._heard.action, request.step, "unknown_person", why
        )
        return Said(f"{TABLE['not_yours'].title}: {why}. Or open the request and sign in: {self._page(request)}")

    async def _answer(self, about: _About) -> Said:
        action = self._heard.action
        if action not in _DONE:
            return Said(f"Nothing here answers to {action}. Open the request: {self._page(about.request)}")
        if isinstance(self._heard, Click):
            if about.request.state == "closed" and action != "undo":
                await self._refresh(about)
                return Said(f"{TABLE['closed'].title}: {await self._outcome(about.request)}.")
            form = form_of(action, about.request, self._heard)
            if form is not None:
                await self._chat.open_form(self._heard.opener, form)
                return Said()
        return await self._act(about, action)

    async def _act(self, about: _About, action: str) -> Said:
        request, me = about.request, about.me
        answers = self._heard.answers if isinstance(self._heard, Filled) else {}
        key = update_id(me.id, f"slack:{self._heard.key}")
        fields: dict[str, Any] = {
            "by": me.id, "key": key, "channel": "slack", "step": request.step, "round": request.round
        }  # fmt: skip
        try:
            act = ACT.validate_python(fields | act_fields(action, answers, about.pressed.edition))
            receipt = await carry_out(self._parts, me, request.deal_id, act, act.do, request.step)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            return Said(f"{first['msg']}", field=_beside(str(first["loc"][-1]), answers))
        except Problem as problem:
            await self._refresh(about)
            beside = _beside(str(problem.extra.get("field", "")), answers)
            return Said(problem.detail if beside else _words(problem), title=_short(problem), field=beside)
        return await self._recorded(about, action, receipt)

    async def _recorded(self, about: _About, action: str, receipt: Receipt) -> Said:
        if receipt.repeated:
            await self._refresh(about)
            said = f"{TABLE['already_answered'].title}: {receipt.message.removeprefix('already answered: ')}"
            return Said(f"{said}.", title="Already answered")
        done, when = _DONE[action], in_words(receipt.at, about.me.zone)
        mark = "" if action == "undo" else f"{about.me.name} {done}, {when}."
        await self._refresh(about, said=mark, pressable=action not in VERDICTS)
        undo: tuple[Button, ...] = ()
        if action in VERDICTS and about.request.kind == "approval":
            label = f"Undo (within {int(UNDO_WINDOW.total_seconds())} s)"
            undo = (Button(label=label, action="undo", value=about.pressed.text),)
        return Said(f"Recorded: you {done}.", done=True, buttons=undo)

    async def _refresh(self, about: _About, said: str = "", *, pressable: bool = True) -> None:
        """Let the message show how its request stands now; whoever rewrites it last has seen the latest."""
        async with self._parts.database.read() as session:
            sent = await session.get(EffectRow, about.pressed.message)
        place = ExternalRef(id=sent.external_id) if sent and sent.external_id else self._heard.place
        before: tuple[Any, ...] | None = None
        for _ in range(3):
            async with self._parts.database.read() as session:
                request = await queries.request(session, about.request.id) or about.request
                names = await names_of(session, request.answered_by or "", str(about.row.body.get("by", "")))
            now = (request.state, request.edition, request.outcome)
            if now == before:
                return
            body, before = {**about.row.body, **standing(request)}, now
            to = Addressed(row=about.row.id, channel="slack", person=about.row.person or "")
            message = self._composer.message(body, request, to, names, said, pressable=pressable)
            try:
                await self._chat.rewrite(place, message)
            except ConnectorFailure as failure:
                # The answer stands; the message says what it did, and its next press says what became of it.
                log.warning("a message in chat could not be rewritten: %s", type(failure).__name__)
                return

    async def _outcome(self, request: Request) -> str:
        async with self._parts.database.read() as session:
            names = await names_of(session, request.answered_by or "")
        outcome = (request.outcome or "closed").replace("_", " ")
        by = names.get(request.answered_by or "", request.answered_by)
        return f"{outcome} by {by}" if by else outcome

    def _page(self, request: Request) -> str:
        return self._parts.settings.public_url.rstrip("/") + request_path(request.id)


def act_fields(action: str, answers: Mapping[str, str], edition: int) -> dict[str, Any]:
    """Return what an act says that a button and a form's answers stand for."""
    match action:
        case "ask_information":
            return {"do": action, "question": answers.get("question", "")}
        case "give_information":
            return {"do": action, "answer": answers.get("answer", "")}
        case "undo":
            return {"do": action}
    form = {name.removeprefix(FORM): said for name, said in answers.items() if name.startswith(FORM)}
    return {
        "do": "decide",
        "verdict": action,
        "edition": edition,
        "reason": answers.get("reason", ""),
        "to_stage": answers.get("to_stage", ""),
        "form": form,
    }


def _beside(field: str, answers: Mapping[str, str]) -> str:
    """Return the form's field that a refusal is about, empty when it is about none of them."""
    name = field.rpartition(".")[2]
    return next((each for each in (field, FORM + field, FORM + name) if each and each in answers), "")


def _words(problem: Problem) -> str:
    """Return a refusal as one says it to a person: what, why, and what to do next."""
    detail = problem.detail
    why = (
        ""
        if detail == problem.kind.title
        else f" {detail[:1].upper()}{detail[1:]}{'' if detail.endswith('.') else '.'}"
    )
    return f"{problem.kind.title}.{why} {problem.kind.next}"


def _short(problem: Problem) -> str:
    return "Already answered" if problem.code == "closed" else "Not recorded"
