"""Our messages and forms as Slack's blocks, within Slack's lengths."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from connectors.chat import Field, Form
from connectors.contract import Button, Message
from connectors.slack.interactions import OPEN, kept

Block = dict[str, Any]
# "Reference: blocks" and "Reference: views", the longest each text may be.
_SECTION, _LABEL, _TITLE, _OPTION = 3000, 75, 24, 75
_STYLES = {"yes": "primary", "no": "danger"}


def content(message: Message) -> dict[str, Any]:
    """Return text for notifications and blocks for the screen."""
    blocks = [_section(f"*{message.subject}*\n{message.text}"), *_actions(message.buttons, message)]
    return {"text": coded(message.subject), "blocks": blocks}


def word(text: str, buttons: Sequence[Button]) -> dict[str, Any]:
    """Return what only one person sees."""
    return {"text": coded(text)[:_SECTION], "blocks": [_section(text), *_actions(buttons)]}


def modal(form: Form) -> dict[str, Any]:
    """Return a form as a modal view."""
    return {
        **_view(form.title, [_section(form.intro), *(_input(field) for field in form.fields)]),
        "callback_id": form.action,
        "private_metadata": kept(form.value, form.place),
        "submit": _plain(form.send, _TITLE),
    }


def notice(title: str, text: str) -> dict[str, Any]:
    """Return a modal view that only says something."""
    return _view(title, [_section(text)])


def coded(text: str) -> str:
    """Return text that Slack does not read as markup, mentions or links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _view(title: str, blocks: list[Block]) -> dict[str, Any]:
    return {"type": "modal", "title": _plain(title, _TITLE), "close": _plain("Close", _TITLE), "blocks": blocks}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _fitting(text)}}


def _fitting(text: str) -> str:
    """Return the coded text, shortened by whole characters of ours where it is too long."""
    if len(whole := coded(text)) <= _SECTION:
        return whole
    lengths = accumulate(len(coded(character)) for character in text)
    return coded(text[: sum(length < _SECTION for length in lengths)]) + "…"


def _actions(buttons: Sequence[Button], message: Message | None = None) -> list[Block]:
    elements: list[Block] = [
        {"type": "button", "text": _plain(b.label, _LABEL), "action_id": b.action, "value": b.value}
        | ({"style": _STYLES[b.tone]} if b.tone else {})
        for b in buttons
    ]
    if message is not None and message.link is not None:
        link = {"type": "button", "text": _plain(message.link.label, _LABEL), "url": message.link.url}
        elements.append(link | {"action_id": OPEN} | ({} if buttons else {"style": "primary"}))
    return [{"type": "actions", "elements": elements}] if elements else []


def _input(field: Field) -> Block:
    element: Block
    if field.kind == "choice":
        options = [{"text": _plain(label, _OPTION), "value": value} for value, label in field.options[:100]]
        element = {"type": "static_select", "action_id": "said", "options": options}
    else:
        element = {
            "type": "plain_text_input", "action_id": "said", "multiline": field.kind == "text",
            "max_length": min(field.most, 3000),
        }  # fmt: skip
    block: Block = {"type": "input", "block_id": field.name, "label": _plain(field.label, 2000), "element": element}
    block["optional"] = not field.needed
    return block | ({"hint": _plain(field.hint, 2000)} if field.hint else {})


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": text if len(text) <= most else text[: most - 1] + "…"}
