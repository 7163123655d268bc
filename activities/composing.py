"""Writes messages: subject, text, one link that opens a page, and in chat the buttons that answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, TemplateNotFound, select_autoescape
from pydantic import BaseModel, ConfigDict, ValidationError

from activities.links import link_token, signing_token
from activities.read_side import answering
from activities.told import Item, Names, Told, answer_of, in_words, shown
from connectors.contract import Button, Link, Message, Refused
from models.tables.requests import Request

TEMPLATES = Path(__file__).parent.parent / "templates" / "messages"
Channel = Literal["mail", "slack"]
ASKING = ("request", "reminder", "escalated", "nudge", "answered")
"""Templates that ask their reader for an answer."""
_ANSWERABLE = (*ASKING, "comment")
"""Templates whose message in chat carries the buttons that answer its request."""


class Pressed(BaseModel):
    """What a button carries: which message it is in, and which edition of the content that message shows."""

    model_config = ConfigDict(frozen=True)
    message: str
    edition: int = 0

    @property
    def text(self) -> str:
        return self.model_dump_json()

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what a button of ours carried, None for anything else."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


@dataclass(frozen=True)
class Addressed:
    """One message to one person: the row that owes it, on which channel, and to whom."""

    row: str
    channel: Channel
    person: str = ""


class Composer:
    """Makes messages from rows' bodies. Without a key it writes no mails, whose links need one."""

    def __init__(self, public_url: str, key: bytes = b"") -> None:
        self._url, self._key = public_url.rstrip("/"), key
        self._texts = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def message(
        self,
        body: Mapping[str, Any],
        request: Request | None,
        to: Addressed,
        names: Names | None = None,
        said: str = "",
        *,
        pressable: bool = True,
    ) -> Message:
        """Return the message a row's body means; `said` adds what its reader did since.

        Raises Refused where there is no text for it.
        """
        told = Told.model_validate({**_known(body, request, to.person), "names": dict(names or {})})
        told = told.model_copy(update={"items": [self._item(item, told, to) for item in told.items]})
        link = self._link(told, to)
        values = {"m": told, "link": link}
        try:
            subject, _, text = self._texts.get_template(f"{told.template}.txt.j2").render(values).partition("\n")
            html = self._texts.get_template(f"{told.template}.html.j2").render(values)
        except TemplateNotFound as missing:
            raise Refused("Messages", f"there is no text {missing.name}; add it to templates/messages") from missing
        text = f"{text.strip()}\n\n{said}" if said else text.strip()
        answerable = pressable and to.channel == "slack" and told.template in _ANSWERABLE
        offered = buttons(request, to) if answerable and request is not None else ()
        return Message(to=told.to, subject=subject.strip(), text=text, html=html, link=link, buttons=offered)

    def _item(self, item: Item, told: Told, to: Addressed) -> Item:
        due = "" if item.due is None else in_words(item.due, told.zone)
        return item.model_copy(update={"due_words": due, "link": self._to_request(item.request, to)})

    def _link(self, told: Told, to: Addressed) -> Link:
        if told.template == "signing":
            token = signing_token(self._key, told.request, told.to)
            return Link(label="Read and sign", url=f"{self._url}/sign/{token}")
        if told.template == "digest":
            return Link(label="Open your inbox", url=f"{self._url}/inbox")
        if told.request and told.template != "closed":
            return Link(label="Open the request", url=self._to_request(told.request, to))
        return Link(label="Open the deal", url=f"{self._url}/deals/{quote(told.deal.removeprefix('deal/'))}")

    def _to_request(self, request: str, to: Addressed) -> str:
        if to.channel == "mail" and to.person:
            return f"{self._url}/a/{link_token(self._key, request, to.person)}"
        return self._url + request_path(request)


def _known(body: Mapping[str, Any], request: Request | None, reader: str) -> dict[str, Any]:
    """Return what is known: the row's body, and from the request what that leaves open, or what became of it."""
    if request is None:
        return dict(body)
    page = shown(request)
    if body.get("template") == "closed":  # whoever is named in a rewritten message did something else
        return {**body, **page}
    if body.get("rewrites") and body.get("template") in ASKING and not _may_answer(request, reader):
        return {**page, **body, "template": "settled", **answer_of(request, reader)}
    return {**page, **{name: said for name, said in body.items() if said or name not in page}}


def buttons(request: Request, to: Addressed) -> tuple[Button, ...]:
    """Return what can be answered in chat; a request that needs more than that is answered on its page."""
    if request.state != "open":
        return ()
    value = Pressed(message=to.row, edition=request.edition).text
    if request.body.get("question_asked") and to.person in request.people:
        return (Button(label="Answer…", action="give_information", value=value, tone="yes"),)
    if to.person and not _may_answer(request, to.person):
        return ()
    ask = Button(label="Ask a question…", action="ask_information", value=value)
    reject = Button(label="Reject…", action="reject", value=value, tone="no")
    match request.kind:
        case "approval":
            yes = "Approve…" if request.body.get("form") else "Approve"
            back = Button(label="Send back…", action="ask_changes", value=value)
            return (Button(label=yes, action="approve", value=value, tone="yes"), reject, back, ask)
        case "handoff":
            return (Button(label="Accept", action="accept", value=value, tone="yes"), reject, ask)
        case _:
            return ()


def _may_answer(request: Request, person: str) -> bool:
    return request.state == "open" and person in answering(request.people, request.body)


def standing(request: Request) -> dict[str, Any]:
    """Return what a message about a request says differently from when it was sent."""
    if request.state == "closed":
        return {"template": "closed"}
    return {"reason": request.reason, "due": request.due_at}


def request_path(request: str) -> str:
    """Return the address of a request's page; it asks who reads it to sign in."""
    deal, _, rest = request.partition("|")
    return f"/requests/{quote(deal.removeprefix('deal/'))}/{quote(rest.replace('|', '/'), safe='/:[]')}"
