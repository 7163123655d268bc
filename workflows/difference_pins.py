"""What became of the things a flow uses: facts, actions, document templates, packets, forms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from models.flow import FlowDef
from models.pinned import PacketField, PacketSpec
from workflows.difference_words import fact_words, instead, list_words, listed

_SAID = {
    "worse": "gets worse when it is",
    "source": "is now written by",
    "type": "now holds a",
    "guardrail": "is shown to every approver:",
    "tracked": "counts when it changes:",
    "label": "is now called",
    "on_change": "when what it read changes, it is now done by the rule",
    "undo": "can now be undone by the rule",
    "effect": "does something outside:",
    "amend": "can be amended:",
    "queue": "now runs on the queue",
    "system": "now reaches",
    "patience_seconds": "is now tried for so many seconds:",
    "duplicate_safety": "is now kept from doubling by",
    "max_commit_lag_seconds": "may now be seen late by so many seconds:",
    "title": "is now titled",
}


def pinned_words(old: FlowDef, new: FlowDef) -> Iterator[str]:
    """Yield every difference in what two flows use, a sentence each."""
    yield from _specs("fact", old.facts, new.facts)
    yield from _specs("action", old.actions, new.actions)
    yield from _specs("template", old.templates, new.templates)
    yield from _packets(old.packets, new.packets)
    yield from _forms(old.forms, new.forms)


def _specs(what: str, old: Mapping[str, BaseModel], new: Mapping[str, BaseModel]) -> Iterator[str]:
    def name(key: str) -> str:
        return f"{what} {fact_words(key) if what == 'fact' else key}"

    for key in new:
        if key not in old:
            yield f"{name(key)} is new"
    for key, before in old.items():
        if key not in new:
            yield f"{name(key)} is gone"
        elif before != new[key]:
            yield from _spec(name(key), before, new[key])


def _spec(name: str, old: BaseModel, new: BaseModel) -> Iterator[str]:
    for field in type(new).model_fields:
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        plain = field.replace("_", " ")
        if isinstance(before, tuple) and isinstance(after, tuple):
            yield from list_words(before, after, f"{name} now has the {plain}", f"{name} no longer has the {plain}")
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _mapping(name, before, after)
        else:
            yield f"{name} {_SAID.get(field, f'has another {plain}:')} {instead(before, after)}"


def _mapping(name: str, old: Mapping[str, bool], new: Mapping[str, bool]) -> Iterator[str]:
    yield from list_words(old, new, f"{name} now takes", f"{name} no longer takes") if set(old) != set(new) else ()
    for key in old:
        if key in new and old[key] != new[key]:
            yield f"{name} {'now needs' if new[key] else 'can now do without'} {fact_words(key)}"


def _packets(old: Mapping[str, PacketSpec], new: Mapping[str, PacketSpec]) -> Iterator[str]:
    yield from (f"packet {name} is new" for name in new if name not in old)
    for key, before in old.items():
        name = f"packet {key}"
        if key not in new:
            yield f"{name} is gone"
            continue
        if before.title != new[key].title:
            yield f"{name} is now titled {instead(before.title, new[key].title)}"
        fields = [{each.label: each for each in spec.fields} for spec in (before, new[key])]
        yield from list_words(fields[0], fields[1], f"{name} now asks for", f"{name} no longer asks for")
        for label, field in fields[0].items():
            if label in fields[1] and field != fields[1][label]:
                yield f"{name}: {label} is now {_field(fields[1][label])} instead of {_field(field)}"
        twice = [len(spec.fields) for spec in (before, new[key])]
        if twice != [len(each) for each in fields] and before.fields != new[key].fields:
            yield f"{name} now asks for {listed(each.label for each in new[key].fields)}"


def _field(field: PacketField) -> str:
    what = f"document {field.document}" if field.document else f"fact {field.fact}" if field.fact else "to be told"
    return f"{what} ({field.where})" if field.where else what


def _forms(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"form {name} is new" for name in new if name not in old)
    for key, before in old.items():
        name = f"form {key}"
        if key not in new:
            yield f"{name} is gone"
        elif json.dumps(before, sort_keys=True) != json.dumps(new[key], sort_keys=True):
            yield from _form(name, before, new[key])


def _form(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    fields = [dict(each.get("properties") or {}) for each in (old, new)]
    needed = [set(each.get("required") or ()) for each in (old, new)]
    found = list(list_words(sorted(fields[0]), sorted(fields[1]), f"{name} now asks for", f"{name} no longer asks for"))
    for field in fields[0]:
        if field not in fields[1]:
            continue
        if fields[0][field] != fields[1][field]:
            found.append(f"{name} asks for {fact_words(field)} in another way")
        if (field in needed[0]) != (field in needed[1]):
            found.append(f"{name} {'now needs' if field in needed[1] else 'can now do without'} {fact_words(field)}")
    yield from found or [f"{name} is described in another way"]
