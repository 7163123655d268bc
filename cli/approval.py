"""`throughline approval`: see what waits for an answer, and give it, in a person's name and by the same rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.installation import (
    CHANNEL,
    Cannot,
    full_id,
    hand_over,
    new_key,
    parts_of,
    person_named,
    print_json,
    reading,
    refused,
    short_id,
)

if TYPE_CHECKING:
    from api.auth import Caller
    from api.parts import Parts
    from api.shapes import InboxLine, RequestWhole
    from connectors.database import Database
    from models import acts

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See and answer requests for approval.")
Ask = Annotated[
    str,
    typer.Argument(
        metavar="REQUEST", help="As hubspot/5012345/approval:discount, or only the deal where one approval is open."
    ),
]
Asks = Annotated[list[str], typer.Argument(metavar="REQUEST...", help="One request or several, each on its own.")]
As = Annotated[str, typer.Option("--as", metavar="PERSON", help="In whose name: the id of a person, such as joel.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Reason = Annotated[str, typer.Option(help="Why; the people affected read it and the journal keeps it.")]
MaybeReason = Annotated[str, typer.Option("--reason", help="Why; the people affected read it.")]
Edition = Annotated[
    int | None, typer.Option(min=1, help="The edition you have read; refused when the content changed since.")
]
Form = Annotated[str, typer.Option(metavar="JSON", help="What the form asks for, as '{\"payment_days\": 30}'.")]
Order = Literal["weight", "due", "value"]


@app.callback()
def approval() -> None:
    """See and answer requests for approval."""


@app.command("list")
def list_requests(
    person: Annotated[str | None, typer.Option("--for", metavar="PERSON", help="Only what waits for them.")] = None,
    order: Annotated[Order, typer.Option(help="value times age, due or value first")] = "weight",
    *,
    as_json: AsJson = False,
) -> None:
    """List the approvals that are open."""
    found = reading(lambda database: _open(database, person, order))
    if as_json:
        print_json(found)
        return
    from cli.approval_text import line

    for each in found:
        typer.echo(line(each))
    if not found:
        typer.echo("Nothing waits for an answer." if person is None else f"Nothing waits for {person}.")


@app.command("show")
def show_request(request: Ask, *, as_json: AsJson = False) -> None:
    """Show what is asked: the facts, the rule, who is asked, and what follows yes, no and silence."""
    row = reading(lambda database: find(database, request))
    if as_json:
        print_json(row)
        return
    from cli.approval_text import page

    typer.echo("\n".join(page(row)))


@app.command("approve")
def approve(requests: Asks, by: As, reason: MaybeReason = "", edition: Edition = None, form: Form = "") -> None:
    """Say yes. Several requests are answered one by one, each with its own result."""
    _decide(requests, by, edition, verdict="approve", reason=reason, form=_form(form))


@app.command("reject")
def reject(requests: Asks, reason: Reason, by: As, edition: Edition = None) -> None:
    """Say no, with a reason. Several requests are answered one by one, each with its own result."""
    _decide(requests, by, edition, verdict="reject", reason=reason)


@app.command("send-back")
def send_back(
    request: Ask,
    reason: Reason,
    by: As,
    stage: Annotated[str, typer.Option(help="To which stage; without it where a no leads.")] = "",
    edition: Edition = None,
) -> None:
    """Ask for changes: the deal goes back for revision."""
    _decide([request], by, edition, verdict="ask_changes", reason=reason, to_stage=stage)


@app.command("ask")
def ask(request: Ask, question: Annotated[str, typer.Option(help="What you need to know.")], by: As) -> None:
    """Ask the owner something first; the clock stands still until it is answered."""
    _act([request], by, lambda row, key: _made("AskInformation", row, by, key, question=question))


@app.command("answer")
def answer(request: Ask, text: Annotated[str, typer.Option(help="The answer.")], by: As) -> None:
    """Answer what an approver asked; the clock runs again."""
    _act([request], by, lambda row, key: _made("GiveInformation", row, by, key, answer=text))


@app.command("recall")
def recall(request: Ask, by: As, reason: MaybeReason = "") -> None:
    """Take a request back as the one who asked; nobody can answer it any more."""
    _act([request], by, lambda row, key: _made("Recall", row, by, key, reason=reason))


@app.command("reassign")
def reassign(
    request: Ask,
    to: Annotated[str, typer.Option(metavar="PERSON", help="Who is asked instead.")],
    reason: Reason,
    by: As,
    of: Annotated[str, typer.Option(metavar="PERSON", help="In whose place; without it in your own.")] = "",
) -> None:
    """Let somebody else be asked: in your own place, or as sales operations in anybody's."""
    _act([request], by, lambda row, key: _made("Reassign", row, by, key, to=to, of=of, reason=reason))


@app.command("add")
def add(
    request: Ask,
    person: Annotated[str, typer.Option(metavar="PERSON", help="Who is asked too.")],
    reason: Reason,
    by: As,
    place: Annotated[Literal["before", "after"], typer.Option(help="Before the others, or after their yes.")] = "after",
) -> None:
    """Ask one more person; the quorum of the others stays."""
    _act([request], by, lambda row, key: _made("AddApprover", row, by, key, person=person, place=place, reason=reason))


@app.command("nudge")
def nudge(request: Ask, by: As, note: Annotated[str, typer.Option(help="A line for the reminder.")] = "") -> None:
    """Remind those who have not answered, once an hour at most."""
    _act([request], by, lambda row, key: _made("Nudge", row, by, key, note=note))


@app.command("undo")
def undo(request: Ask, by: As) -> None:
    """Take your own answer back, within a minute and before anything followed that cannot be undone."""
    _act([request], by, lambda row, key: _made("Undo", row, by, key))


@app.command("override")
def override(
    request: Ask,
    verdict: Annotated[Literal["approve", "reject"], typer.Argument(help="approve or reject")],
    reason: Reason,
    by: As,
    edition: Edition = None,
) -> None:
    """Decide as an administrator in place of those asked; it stays marked for ever, and may need a second one."""

    def make(row: RequestWhole, key: str) -> acts.Act:
        return _made("Override", row, by, key, edition=edition or row.edition, verdict=verdict, reason=reason)

    _act([request], by, make)


@app.command("comment")
def comment(
    request: Ask,
    text: Annotated[str, typer.Option(help="What to say.")],
    by: As,
    attach: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file beside it; may be repeated.")
    ] = None,
) -> None:
    """Say something about a request, with files; it decides nothing."""
    from cli.approval_extras import kept

    files = reading(lambda database: kept(database, attach or []))
    _act([request], by, lambda row, key: _made("Comment", row, by, key, text=text, attachments=files))


@app.command("preview")
def preview(
    deal: Annotated[str, typer.Argument(metavar="DEAL", help="As hubspot/5012345.")],
    by: As,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="FACT=VALUE", help="What would change; may be repeated.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say who would be asked and whose answer would stand if facts changed; without --set, if nothing did."""
    from cli.approval_extras import foreseen
    from cli.approval_text import foresight

    found = reading(lambda database: foreseen(database, by, full_id(deal), change or []))
    if as_json:
        print_json(found)
        return
    for line in foresight(found):
        typer.echo(line)


async def find(database: Database, named: str) -> RequestWhole:
    """Return the request a person means: its id, its address, or the one open approval of a deal. Raises Cannot."""
    from api import queries
    from api.shapes import RequestWhole

    deal, step, number = _read(named)
    async with database.read() as session:
        rows = await queries.requests_of(session, deal, open_only=False)
    if step:
        fit = [row for row in rows if row.step == step and number in {None, row.round}]
        fit = sorted(fit, key=lambda row: row.round)[-1:]
    else:
        fit = [row for row in rows if row.kind == "approval" and row.state == "open"]
    if len(fit) > 1:
        listed = ", ".join(f"{named}/{row.step}" for row in fit)
        raise Cannot(f"{named} waits for {len(fit)} answers; say which: {listed}")
    if not fit:
        raise Cannot(f"there is no request {named}; `throughline approval list` shows which are open")
    return RequestWhole.model_validate(fit[0], from_attributes=True)


def _read(named: str) -> tuple[str, str, int | None]:
    """Return deal, step (or nothing) and round of a request as people and pages write it."""
    source, _, rest = short_id(named.removeprefix("/requests/")).partition("/")
    parts = rest.replace("|", "/").split("/")
    if not source or not parts[0]:
        raise Cannot(f"{named!r} names no request; write it as hubspot/5012345/approval:discount")
    number = int(parts.pop()) if len(parts) > 2 and parts[-1].isdecimal() else None
    step = parts.pop() if len(parts) > 1 else ""
    return full_id(f"{source}/{'|'.join(parts)}"), step, number


async def _open(database: Database, person: str | None, order: Order) -> list[InboxLine]:
    from sqlalchemy import literal_column

    from api import queries
    from api.approvals import in_list

    wanted = literal_column("request.kind") == "approval"
    async with database.read() as session:
        if person is not None:
            if person not in await queries.people(session):
                raise Cannot(f"there is no person {person!r}; say --for with an id, such as joel")
            wanted &= queries.mine(person)
        return [in_list(asked) for asked in await queries.inbox(session, wanted, order)]


def _decide(requests: list[str], by: str, edition: int | None, **said: Any) -> None:
    _act(requests, by, lambda row, key: _made("Decide", row, by, key, edition=edition or row.edition, **said))


def _made(kind: str, row: RequestWhole, by: str, key: str, **said: Any) -> acts.Act:
    """Return an act on a request. Raises Cannot for what the act cannot hold, such as an endless reason."""
    from pydantic import ValidationError

    from models import acts

    try:
        made: acts.Act = getattr(acts, kind)(key=key, by=by, channel=CHANNEL, step=row.step, round=row.round, **said)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise Cannot(f"{first['loc'][0]}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
    return made


def _act(requests: list[str], by: str, make: Callable[[RequestWhole, str], acts.Act]) -> None:
    """Hand an act over for each request, say what came of each, and raise Cannot if one was refused."""
    wrong = reading(lambda database: _each(database, requests, by, make))
    if wrong and len(requests) == 1:
        raise wrong[0]
    if wrong:
        raise Cannot(f"{len(wrong)} of {len(requests)} were refused; the others are done")


async def _each(
    database: Database, requests: list[str], by: str, make: Callable[[RequestWhole, str], acts.Act]
) -> list[Cannot]:
    parts, caller = parts_of(database), await person_named(database, by)
    wrong: list[Cannot] = []
    for named in requests:
        try:
            typer.echo(f"{named}: {await _one(parts, caller, named, make)}")
        except Cannot as no:
            wrong.append(no)
            if len(requests) > 1:
                typer.echo(f"{named}: refused: {no.format_message()}")
    return wrong


async def _one(parts: Parts, caller: Caller, named: str, make: Callable[[RequestWhole, str], acts.Act]) -> str:
    from api.problems import Problem

    row = await find(parts.database, named)
    try:
        receipt = await hand_over(parts, caller, row.deal_id, make(row, new_key(caller.id)))
    except Problem as no:
        raise refused(no) from None
    return f"already answered: {receipt.message}" if receipt.repeated else receipt.message


def _form(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError as wrong:
        raise Cannot(f"--form is not JSON ({wrong}); write it as '{{\"payment_days\": 30}}'") from None
    if not isinstance(given, dict):
        raise Cannot("--form is not an object; write it as '{\"payment_days\": 30}'")
    return given
