"""A request for approval as text in a terminal: one line of a list, or all that its page shows."""

from __future__ import annotations

from collections.abc import Iterator

from api.bodies import Body, read_body
from api.pages.addresses import request_path
from api.shapes import InboxLine, PreviewWhole, RequestLine, RequestWhole
from cli.installation import moment


def short(request: RequestLine) -> str:
    """Return a request as it is written on the command line."""
    return request_path(request.id).removeprefix("/requests/")


def line(request: InboxLine) -> str:
    """Return a request as one line."""
    amount = f"{request.amount:,.0f} {request.currency}" if request.amount is not None else ""
    facts = (request.title, request.account, amount, _waits(request), _due(request))
    return f"{short(request)}  " + " · ".join(part for part in facts if part)


def page(request: RequestWhole) -> Iterator[str]:
    """Yield everything that a person should see before they answer."""
    body = read_body(request.body)
    yield f"{body.question or request.title} ({short(request)}, edition {request.edition})"
    if request.state == "closed":
        by = f" by {request.answered_by}" if request.answered_by else ""
        at = f", {moment(request.closed_at)}" if request.closed_at else ""
        yield f"closed: {request.outcome or 'no longer needed'}{by}{at}"
    else:
        yield ", ".join(part for part in (_waits(request) or "waits for nobody", _due(request)) if part)
    yield f"  why: {body.rule.text or request.reason or body.why}"
    yield from _facts(body)
    yield from _follows(body)
    for said in body.answers:
        yield f"  {said.person}: {' '.join(part for part in (said.state, said.what) if part)}"
    if body.question_asked:
        yield f"  {body.question_by} asked: {body.question_asked}"


def foresight(found: PreviewWhole) -> Iterator[str]:
    """Yield what a change would come to, step by step."""
    if found.held:
        yield f"The change would wait for the owner: {found.held}"
    for line in found.lines:
        whose = line.person or ", ".join(line.people) or line.who
        may = "" if line.certain else " (may be)"
        usual = f"; usually {line.usual_hours:g} h, {line.slow_hours:g} h when slow" if line.usual_hours else ""
        facts = (whose, f"{line.reason}{usual}".removeprefix("; "))
        yield f"{line.title}: {line.what}{may} " + " · ".join(part for part in facts if part)
    if not found.lines:
        yield "Nothing: everybody's answer stands, and nobody is asked."


def _facts(body: Body) -> Iterator[str]:
    for fact in body.facts:
        yield f"  {fact.label}: {fact.value}" + (f" ({fact.note})" if fact.note else "")
    if body.difference and body.difference.changes:
        yield f"Since your answer{' of ' + body.difference.since if body.difference.since else ''}:"
        for change in body.difference.changes:
            yield f"  {change.label}: {change.was} -> {change.now}"
    for document in body.documents:
        yield f"  document {document.name}" + (f" v{document.version}" if document.version else "")


def _follows(body: Body) -> Iterator[str]:
    for word, what in (("yes", body.follows.yes), ("no", body.follows.no), ("silence", body.follows.silence)):
        if what:
            yield f"  on {word}: {what}"


def _waits(request: RequestLine) -> str:
    return f"waits for {', '.join(request.people)}" if request.people else ""


def _due(request: RequestLine) -> str:
    if request.stopped:
        return "its clock stands still"
    return f"due {moment(request.due_at)}" if request.due_at else ""
