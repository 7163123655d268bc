"""Facts as people write them in a file: read into typed values, written back, and made up where none are given."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from models.facts import FactSpec
from models.flow import FlowDef
from models.forms import FormError, answers, coerce
from models.money import Money, Percent
from models.values import Day, Digest, Flag, Form, Item, Items, Moment, Number, Text, Value, Whole, digest_of

_SHA256 = re.compile(r"[0-9a-f]{64}")
NEAR = date(2030, 1, 7)
"""The day made-up dates come after when nobody says which day it is."""
_CHOICES = 8
"""How many names a message lists before it becomes unreadable."""


class GivenWrong(ValueError):
    """Facts that cannot be taken as written; `faults` has one message per fact."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = dict(faults)


def read_given(flow: FlowDef, path: Path) -> dict[str, Value]:
    """Return the facts a JSON file gives. Raises GivenWrong."""
    try:
        written = path.read_text("utf-8")
    except FileNotFoundError:
        raise GivenWrong({"": f"there is no {path}; write the deal's facts there as a JSON object"}) from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise GivenWrong({"": f"{path} cannot be read: {getattr(wrong, 'strerror', None) or wrong}"}) from None
    return given(flow, parsed(written, str(path)))


def parsed(written: str, name: str = "this") -> dict[str, Any]:
    """Return the JSON object that was written, every number exact. Raises GivenWrong."""
    try:
        plain = json.loads(
            written, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_each_once
        )  # fmt: skip
    except json.JSONDecodeError as wrong:
        raise GivenWrong(
            {"": f"{name} is not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}"}
        ) from None
    except RecursionError:
        raise GivenWrong({"": f"{name} is not a list of facts: it is nested too deeply"}) from None
    except ValueError as wrong:
        raise GivenWrong({"": f"{name} is not JSON: {wrong}"}) from None
    if not isinstance(plain, dict):
        example = '{"discount": "35 %", "payment_days": 30}'
        raise GivenWrong({"": f"{name} holds {_kind(plain)}; facts are an object, such as {example}"})
    return plain


def given(flow: FlowDef, plain: Mapping[str, Any]) -> dict[str, Value]:
    """Return plain facts as the flow's typed values; null means not known. Raises GivenWrong, one message per fact."""
    faults: dict[str, str] = {}
    found: dict[str, Value] = {}
    for path, raw in _forms_whole(flow, plain).items():
        spec = flow.facts.get(path)
        if spec is None:
            faults[path] = _unknown(path, flow.facts)
        elif raw is not None:
            try:
                found |= _typed(flow, spec, raw)
            except FormError as wrong:
                faults[path] = str(wrong)
    if faults:
        raise GivenWrong(faults)
    return found


def written_down(flow: FlowDef, facts: Mapping[str, Value]) -> dict[str, Any]:
    """Return typed facts as a facts file has them; `given` reads them back."""
    found: dict[str, Any] = {}
    forms = form_paths(flow)
    fields = {f"{form}.{name}": (form, name) for form in forms for name in _fields(flow, form)}
    for path, value in facts.items():
        if path in fields:
            form, name = fields[path]
            found.setdefault(form, {})[name] = plain_of(value)
        elif path not in forms:  # a form is its fields
            found[path] = plain_of(value)
    return found


def plain_of(value: Value) -> Any:
    """Return one value as a person would write it in JSON."""
    match value:
        case Money(amount=amount, currency=currency):
            return f"{amount:f} {currency}"
        case Percent(value=share):
            return f"{share:f} %"
        case Number(v=number):
            return f"{number:f}"
        case Day(v=day):
            return day.isoformat()
        case Moment(v=at):
            return at.isoformat()
        case Digest(sha256=sha, label=label):
            return {"sha256": sha, "label": label} if label else sha
        case Items(items=items):
            return [{"key": item.key, "digest": item.digest} for item in items]
        case Form(v=written):
            return json.loads(written)
        case Text() | Whole() | Flag():
            return value.v


def assumed(flow: FlowDef, spec: FactSpec, near: date = NEAR) -> Value:
    """Return a made-up value of a fact, always the same one: what a plan takes a step to answer when nobody says.

    Made-up dates are a month after `near`.
    """
    return assumed_form(flow, spec.path, near=near)[spec.path] if spec.type == "form" else made_up(spec, near)


def made_up(spec: FactSpec, near: date = NEAR) -> Value:
    """Return a plausible value of a fact that is no form."""
    later = near + timedelta(days=30)
    if spec.options:
        return Text(v=spec.options[0])
    match spec.type:
        case "money":
            return Money(amount=Decimal(50_000), currency="USD")
        case "percent":
            return Percent(value=Decimal(30))
        case "whole":
            return Whole(v=30)
        case "number":
            return Number(v=Decimal(1))
        case "flag":
            return Flag(v=True)
        case "day":
            return Day(v=later)
        case "moment":
            return Moment(v=datetime(later.year, later.month, later.day, 15, tzinfo=UTC))
        case "digest":
            return Digest(sha256=digest_of(spec.path.encode()), label=spec.path)
        case "items":
            return Items(items=(Item(key="1", digest=digest_of(spec.path.encode())),))
    return Text(v=f"some {spec.path.replace('_', ' ').replace('.', ' ')}")


def assumed_form(
    flow: FlowDef, path: str, known: Mapping[str, Value] | None = None, near: date = NEAR
) -> dict[str, Value]:
    """Return the facts of a form's answers: those that are known as they are, the others made up."""
    return answers(flow, path, form_answers(flow, path, known, near))


def form_paths(flow: FlowDef) -> set[str]:
    """Return the facts that are forms, whether or not a step of this flow asks for them."""
    return {path for path, spec in flow.facts.items() if spec.type == "form"}


def form_answers(
    flow: FlowDef, path: str, known: Mapping[str, Value] | None = None, near: date = NEAR
) -> dict[str, Any]:
    """Return what somebody would type into a form: the known answers, and made-up ones for the other fields."""
    typed: dict[str, Any] = {}
    schema = flow.forms.get(path, {})  # none where no step of this flow asks for it: then nobody answers it
    for name in schema.get("properties", {}):
        spec = flow.facts.get(f"{path}.{name}")
        if spec is None:
            continue
        options = _options(schema, name)
        value = (known or {}).get(spec.path)
        if value is None:
            made = assumed(flow, spec.model_copy(update={"options": options}), near)
            value = _allowed(made, schema["properties"][name])
        typed[name] = plain_of(value)
    return typed


def _allowed(value: Value, field: Mapping[str, Any]) -> Value:
    """Return a made-up whole number as near as a form's field takes it."""
    if not isinstance(value, Whole):
        return value
    n = value.v
    for each in (field, *field.get("anyOf", ())):
        n = min(n, each.get("maximum", n), each.get("exclusiveMaximum", n + 1) - 1)
        n = max(n, each.get("minimum", n), each.get("exclusiveMinimum", n - 1) + 1)
    return Whole(v=int(n))


def _typed(flow: FlowDef, spec: FactSpec, raw: Any) -> dict[str, Value]:
    match spec.type:
        case "items":
            return {spec.path: _items(spec, raw)}
        case "form":
            return _form(flow, spec, raw)
        case "digest":
            return {spec.path: _digest(spec, raw)}
    if isinstance(raw, dict | list) and not (spec.type == "money" and isinstance(raw, dict)):
        raise FormError(spec.path, f"{spec.path} is one {spec.type}, not {_kind(raw)}")
    if spec.type == "text" and isinstance(raw, bool):
        raise FormError(spec.path, f"{spec.path} is a text, not {str(raw).lower()}; put it in quotes")
    try:
        return {spec.path: coerce(spec, raw)}
    except FormError as wrong:
        raise FormError(spec.path, _shortened(str(wrong))) from None


def _form(flow: FlowDef, spec: FactSpec, raw: Any) -> dict[str, Value]:
    """Return a form's answers as facts; one that is not complete gives only the fields it has."""
    names = _fields(flow, spec.path)
    if not isinstance(raw, dict):
        raise FormError(spec.path, f"{spec.path} is a form: an object with {', '.join(names)}")
    for name in raw:
        if name not in names:
            raise FormError(f"{spec.path}.{name}", _unknown(f"{spec.path}.{name}", [f"{spec.path}.{n}" for n in names]))
    typed = {name: answer for name, answer in raw.items() if answer not in (None, "")}
    asked = flow.forms.get(spec.path)  # none where no step of this flow asks for it
    if asked and all(typed.get(name) is not None for name in asked.get("required", [])):
        return answers(flow, spec.path, typed)
    paths = {name: flow.facts[f"{spec.path}.{name}"] for name in typed if f"{spec.path}.{name}" in flow.facts}
    return {field.path: coerce(field, typed[name]) for name, field in paths.items()}


def _items(spec: FactSpec, raw: Any) -> Items:
    example = f'{spec.path} is a list of entries with a key each, such as [{{"key": "1", "sku": "managed-workplace"}}]'
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise FormError(spec.path, f"{example}, not {_kind(raw)}")
    keys = [str(each.get("key", "")).strip() for each in raw]
    if not all(keys):
        raise FormError(spec.path, f"{example}; entry {keys.index('') + 1} has no key")
    twice = [key for i, key in enumerate(keys) if key in keys[:i]]
    if twice:
        raise FormError(spec.path, f"{spec.path} has two entries with the key {twice[0]!r}; give each its own")
    return Items(items=tuple(Item(key=k, digest=_content(each)) for k, each in zip(keys, raw, strict=True)))


def _content(entry: dict[str, Any]) -> str:
    """Return the hash of an entry; one that is written as its hash keeps it."""
    if entry.keys() == {"key", "digest"} and isinstance(entry["digest"], str):
        return entry["digest"]
    return digest_of(json.dumps(entry, sort_keys=True, separators=(",", ":"), default=str).encode())


def _digest(spec: FactSpec, raw: Any) -> Digest:
    match raw:
        case {"sha256": str(sha), **rest} if not rest.keys() - {"label"}:
            return Digest(sha256=sha, label=str(rest.get("label", "")))
        case str() if _SHA256.fullmatch(raw.strip()):
            return Digest(sha256=raw.strip())
        case _:
            written = raw if isinstance(raw, str) else json.dumps(raw, sort_keys=True, default=str)
            return Digest(sha256=digest_of(written.encode()), label=spec.path)


def _forms_whole(flow: FlowDef, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with the fields of forms, where they are written one by one, put into their forms."""
    found: dict[str, Any] = {}
    for path, raw in plain.items():
        form, _, field = path.partition(".")
        if field and form in flow.forms and isinstance(found.get(form, {}), dict):
            found[form] = {**found.get(form, {}), field: raw}
        elif path in flow.forms and isinstance(raw, dict) and isinstance(found.get(path), dict):
            found[path] = {**found[path], **raw}
        else:
            found[path] = raw
    return found


def _fields(flow: FlowDef, form: str) -> list[str]:
    if form in flow.forms:
        return list(flow.forms[form].get("properties", {}))
    return [path.removeprefix(f"{form}.") for path in flow.facts if path.startswith(f"{form}.")]


def _options(schema: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the choices of a form's field, as its schema has them."""
    field: Mapping[str, Any] = schema.get("properties", {}).get(name, {})
    for each in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        target = schema.get("$defs", {}).get(str(each.get("$ref", "")).rpartition("/")[2], each)
        if "enum" in target:
            return tuple(str(option) for option in target["enum"])
    return ()


def _unknown(path: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(path, names, n=1)
    if near:
        return f"there is no fact {path!r}; did you mean {near[0]!r}?"
    more = f" and {len(names) - _CHOICES} more" if len(names) > _CHOICES else ""
    return f"there is no fact {path!r}; the facts are {', '.join(names[:_CHOICES])}{more}"


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f"{twice[0]!r} is given twice")
    return dict(pairs)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _kind(plain: Any) -> str:
    match plain:
        case None:
            return "null"
        case bool():
            return "yes or no"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "an object"
    return "a number"


def _shortened(message: str) -> str:
    return message if len(message) < 200 else f"{message[:190]}…"
