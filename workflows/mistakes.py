"""What Python says about a flow file it cannot run, in the language's words and with what to write instead."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from activities import catalog
from models.mistakes import Misspelt, Mistake
from workflows import language

AGAIN = "correct this line, then run `throughline flow check` again"

_EXAMPLES = {
    "by": 'by="deal_desk"',
    "match": 'match="first"',
    "name": '"a-name"',
    "otherwise": "otherwise=...",
    "reason": '"the reason"',
    "template": 'template="sow/managed_services"',
    "to": 'to="delivery_manager"',
    "until": "until=deal.close_date",
    "version": "version=1",
    "when": "when=deal.discount > percent(15)",
    "within": "within=business_days(2)",
}


class Told(NamedTuple):
    """What is wrong and what to write instead."""

    what: str
    remedy: str = AGAIN


def told(wrong: BaseException, beside: Iterable[str] = ()) -> Told:
    """Return an exception of an author's file in our words. `beside` are the modules of the same folder."""
    match wrong:
        case Mistake() | Misspelt():
            return Told(wrong.what, wrong.remedy)
        case SystemExit():
            return Told("the file ends Python (SystemExit)", "remove that line")
        case SyntaxError():
            return _not_python(wrong)
        case ModuleNotFoundError():
            return _no_module(wrong.name or "", beside)
        case ImportError():
            return _no_such_import(wrong)
        case NameError():
            return _not_imported(wrong.name or "", beside)
        case ValidationError():
            return _not_valid(wrong)
        case TypeError() | AttributeError():
            said = _first_line(wrong)
            return _wrongly_called(said) or _wrongly_used(said) or Told(said)
    return Told(_first_line(wrong))


def _not_python(wrong: SyntaxError) -> Told:
    said = wrong.msg.rstrip(".")
    if "forgot a comma" in said:
        return Told("not Python: something stands where a comma is expected", "put a comma between the two")
    if "was never closed" in said:
        bracket = said.split("'")[1]
        return Told(
            f"not Python: this {bracket} is never closed", f"put its {_CLOSING.get(bracket, 'end')} where it ends"
        )
    if "Maybe you meant '=='" in said:
        return Told("not Python: a single = stands inside a comparison", "write deal.fact.is_(...) for equal")
    return Told(f"not Python: {said}")


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def _not_imported(name: str, beside: Iterable[str]) -> Told:
    place = _home(name, beside)
    if place:
        return Told(f"{name!r} is not imported", f"add it on top: from {place} import {name}")
    known = [*language.__all__, *_actions()]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "define it in this file, or import it on top"
    return Told(f"there is nothing called {name!r} here", hint)


def _no_such_import(wrong: ImportError) -> Told:
    found = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", _first_line(wrong))
    if found is None:
        return Told(_first_line(wrong), "a flow imports workflows.language, activities.catalog and the files beside it")
    name, module = found[1], found[2]
    place = _home(name, ())
    if place and place != module:
        return Told(f"{module} has no {name!r}", f"write: from {place} import {name}")
    offered = {"workflows.language": language.__all__, "activities.catalog": _actions()}.get(module, [])
    near = difflib.get_close_matches(name, offered, n=1)
    every = f"it offers {', '.join(offered)}" if module == "activities.catalog" else "see that the name is right"
    return Told(f"{module} has no {name!r}", f"did you mean {near[0]!r}?" if near else every)


def _no_module(name: str, beside: Iterable[str]) -> Told:
    near = difflib.get_close_matches(name, [*beside, "workflows.language", "activities.catalog"], n=1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else "a flow imports workflows.language, activities.catalog and the files beside it"
    )
    return Told(f"there is no module {name!r}", hint)


def _home(name: str, beside: Iterable[str]) -> str:
    """Return the module a name is to be imported from."""
    if name in language.__all__:
        return "workflows.language"
    if name in _actions():
        return "activities.catalog"
    if name == "deal":
        return "facts" if "facts" in beside else "workflows.flows.facts"
    return ""


def _actions() -> list[str]:
    return [name for name, value in vars(catalog).items() if isinstance(value, catalog.Action)]


def _wrongly_called(said: str) -> Told | None:
    """Say in words how a word was called that does not take what it was given."""
    found = re.match(r"(?:\w+\.)*(\w+)\(\) (.*)", said)
    word = getattr(language, found[1], None) if found else None
    if found is None or not callable(word):
        return None
    name, rest = found[1], found[2]
    takes = inspect.signature(word).parameters
    if unexpected := re.match(r"got an unexpected keyword argument '(\w+)'", rest):
        near = _nearest(unexpected[1], takes)
        hint = f"did you mean {near!r}?" if near else f"it takes {', '.join(takes)}"
        return Told(f"{name} has no parameter {unexpected[1]!r}", hint)
    if rest.startswith("missing"):
        return _lacking(name, re.findall(r"'(\w+)'", rest), takes)
    if "positional argument" in rest:
        first = next(iter(takes), "nothing")
        others = [f"{each}=..." for each, one in takes.items() if one.kind is one.KEYWORD_ONLY][:3]
        what = f"{name}: only the first parameter ({first}) may stand without its name"
        return Told(what, f"name the others, as in {', '.join(others)}")
    return None


def _lacking(name: str, missing: list[str], takes: Mapping[str, inspect.Parameter]) -> Told:
    named = {each for each in missing if takes[each].kind is inspect.Parameter.KEYWORD_ONLY}
    wanted = " and ".join(f"{each}=" if each in named else each for each in missing)
    sample = ", ".join(_EXAMPLES.get(each, f"{each}=...") for each in missing)
    return Told(f"{name} lacks {wanted}", f"add {sample}" if named else f"write {name}({sample})")


def _nearest(given: str, takes: Iterable[str]) -> str:
    """Return the parameter that was probably meant: spelt alike, or with the same word in it."""
    close = difflib.get_close_matches(given, list(takes), n=1, cutoff=0.7)
    if close:
        return close[0]
    begins = f"{given.partition('_')[0]}_"
    return next((each for each in takes if f"{each}_".startswith(begins)), "")


def _wrongly_used(said: str) -> Told | None:
    """Say in words what usually leads to what Python says."""
    return next((told for pattern, told in _USES if re.search(pattern, said)), None)


_FACT = "'(?:Fact|Ordered|Each|Answers)'"
_USES = (
    (
        rf"{_FACT} object has no attribute '(?:value|amount|currency)'",
        Told(
            "a comparison begins with the fact",
            "write deal.discount > percent(15); two bounds are two comparisons joined with &, each in parentheses",
        ),
    ),
    (
        rf"{_FACT} object has no attribute",
        Told(
            "a fact can only be compared, and has no such method",
            "compare it with > >= < <= where it is Ordered, else write .is_(...), .one_of(...) or .is_set()",
        ),
    ),
    (
        rf"unsupported operand type.*{_FACT}|bad operand type.*{_FACT}",
        Told(
            "a fact cannot be calculated with: its value is not known when the flow is written",
            "let an action work it out, and compare what it writes",
        ),
    ),
    (
        rf"type {_FACT} has no len|{_FACT} object is not (?:iterable|subscriptable)",
        Told(
            "a deal's list is not known when the flow is written",
            "write each=deal.lines on a Call or Subflow, or let an action look through it",
        ),
    ),
    (rf"{_FACT} object is not callable", Told("a fact is not called", "take away the parentheses behind it")),
    (
        r"'\w+' object is not callable",
        Told("something is called that is no word: a comma is missing before this (", "put a comma between the two"),
    ),
)


def _not_valid(wrong: ValidationError) -> Told:
    """Say which parameter of which word cannot be what it was given."""
    first = wrong.errors()[0]
    word, given = wrong.title.removesuffix("Def"), first["input"]
    if word == "Span":
        return Told(
            f"a time is counted in whole units, not in {given!r}", "use a smaller unit, as in business_hours(4)"
        )
    parameter = str(first["loc"][0]) if first["loc"] else ""
    takes: Any = getattr(language, word, None)
    known = inspect.signature(takes).parameters if callable(takes) else {}
    remedy = f"{parameter} takes {known[parameter].annotation}" if parameter in known else first["msg"]
    return Told(f"{word}: {parameter} cannot be {given!r}", remedy)


def _first_line(wrong: BaseException) -> str:
    return next((text.strip() for text in str(wrong).splitlines() if text.strip()), type(wrong).__name__)
