"""What Slack refuses of blocks and views: too long, twice the same, or not complete.

Sources: "Reference: Block Kit" (section, actions, input, button, plain_text_input, static_select), "Reference: views".
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.sandbox.store import Record


def wrong_blocks(blocks: list[Record]) -> str:
    """Return what is wrong with these blocks, empty when nothing is."""
    if len(blocks) > 100:
        return "no more than 100 items allowed"
    return next(_faults(blocks), "")


def wrong_view(view: Record) -> str:
    """Return what is wrong with this view, empty when nothing is."""
    if view.get("type") != "modal":
        return "missing or unsupported type"
    for name, most in (("title", 24), ("submit", 24), ("close", 24)):
        text = (view.get(name) or {}).get("text", "")
        if (name == "title" and not text) or len(text) > most:
            return f"must be between 1 and {most} characters [{name}]"
    if len(view.get("private_metadata") or "") > 3000 or len(view.get("callback_id") or "") > 255:
        return "private_metadata or callback_id is too long"
    blocks = view.get("blocks") or []
    if any(block.get("type") == "input" for block in blocks) and not view.get("submit"):
        return "`submit` is required when an `input` block is within the `blocks` array"
    return wrong_blocks(blocks)


def _faults(blocks: list[Record]) -> Iterator[str]:
    seen: set[str] = set()
    for block in blocks:
        name = block.get("block_id")
        if name in seen:
            yield f"`block_id` {name} already exists"
        seen |= {name} if name else set()
        match block.get("type"):
            case "section":
                if not 1 <= len(block["text"]["text"]) <= 3000:
                    yield "must be between 1 and 3000 characters [text]"
            case "actions":
                yield from _pressed(block.get("elements") or [])
            case "input":
                yield from _asked(block)
            case other:
                yield f"unsupported block: {other}"


def _pressed(elements: list[Record]) -> Iterator[str]:
    if not 1 <= len(elements) <= 25:
        yield "an actions block has 1 to 25 elements"
    ids = [each.get("action_id") for each in elements]
    if len(set(ids)) != len(ids):
        yield "`action_id` already exists"
    for each in elements:
        if not 1 <= len(each["text"]["text"]) <= 75 or len(each.get("action_id") or "") > 255:
            yield "a button's text has 1 to 75 characters"
        if len(each.get("value") or "") > 2000 or len(each.get("url") or "") > 3000:
            yield "a button's value has at most 2000 characters, its url 3000"
        if each.get("style") not in (None, "primary", "danger"):
            yield "a button's style is primary or danger"


def _asked(block: Record) -> Iterator[str]:
    element = block.get("element") or {}
    if not (block.get("label") or {}).get("text"):
        yield "missing required field: label"
    if element.get("type") == "plain_text_input":
        if not 1 <= int(element.get("max_length") or 3000) <= 3000:
            yield "max_length is between 1 and 3000"
    elif element.get("type") == "static_select":
        options = element.get("options") or []
        if not 1 <= len(options) <= 100 or any(not 1 <= len(each["text"]["text"]) <= 75 for each in options):
            yield "a select has 1 to 100 options of 1 to 75 characters"
    else:
        yield f"unsupported element: {element.get('type')}"
