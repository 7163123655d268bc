"""The forms that chat opens for an answer that needs words: a reason, a question, an answer, a decision's own form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.pages.frame import fields
from connectors.chat import Click, Field, Form
from models.tables.requests import Request

FORM = "form."
"""Begins the name of a field of the decision's own form."""
_LONGEST = 3000
_WORDS = {
    "approve": ("Approve", "Approve"),
    "reject": ("Reject", "Reject"),
    "ask_changes": ("Send back", "Send back"),
    "ask_information": ("Ask a question", "Ask"),
    "give_information": ("Answer", "Answer"),
}


def form_of(action: str, request: Request, click: Click) -> Form | None:
    """Return the form an action needs first; None when it needs no word more."""
    asked = tuple(_fields(action, request))
    if not asked:
        return None
    title, send = _WORDS[action]
    question = str(request.body.get("question") or f"{request.title.capitalize()}?")
    intro = f"*{question}*\n{request.reason}" if request.reason else f"*{question}*"
    follows = request.body.get("follows") or {}
    if action in ("reject", "ask_changes") and follows.get("no"):
        intro += f"\nThen {follows['no']}."
    return Form(
        action=action, value=click.value, place=click.place, title=title, intro=intro, send=send, fields=asked
    )  # fmt: skip


def _fields(action: str, request: Request) -> Iterator[Field]:
    body = request.body
    match action:
        case "approve" if body.get("form"):
            yield from _own(body["form"])
        case "reject":
            yield Field(name="reason", label="Why?", hint="The owner reads it.", most=_LONGEST)
        case "ask_changes":
            yield Field(name="reason", label="What should change?", hint="The owner reads it.", most=_LONGEST)
            stages = [str(stage) for stage in body.get("stages", [])]
            if len(stages) > 1:
                options = tuple((stage, stage) for stage in stages)
                yield Field(
                    name="to_stage", label="Back to which stage?", kind="choice", options=options, needed=False,
                    hint="Left empty, it goes where the flow says.",
                )  # fmt: skip
        case "ask_information":
            yield Field(name="question", label="What do you need to know?", hint="The clock stands still until then.")
        case "give_information":
            asked = str(body.get("question_asked") or "The question")
            yield Field(name="answer", label=asked[:2000], hint="Whoever asked is told; the clock runs again.")


def _own(schema: dict[str, Any]) -> Iterator[Field]:
    """Return the fields of a decision's own form; the form's model reads what is written into them."""
    for name, spec in fields(schema):
        options = ["yes", "no"] if spec["type"] == "boolean" else [str(each) for each in spec["enum"]]
        yield Field(
            name=FORM + name,
            label=str(spec["title"] or name.replace("_", " ").capitalize()),
            kind="choice" if options else "line",
            options=tuple((each, each) for each in options),
            needed=bool(spec["required"]),
            hint=str(spec["description"])[:500],
        )
