"""How the values in a flow are said when they change: people, times, routes, lists, in the words of sales ops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from models.asking import Back, Choice, Continue, Ending, Ladder, Silence, Table, who_words
from models.calendar import CalendarSpec, Span
from models.hours import hours_words
from models.reading import DOCUMENT
from models.rules import text
from workflows.table_words import table_words

SILENCE = {
    Silence.ESCALATE: "asks whoever is next",
    Silence.APPROVE: "counts as yes",
    Silence.REJECT: "counts as no",
    Silence.EXPIRE: "lets it expire",
}

_DOING = {
    "asks": "asking", "counts": "counting", "ends": "ending", "goes": "going", "leads": "leading", "lets": "letting",
}  # fmt: skip


def said(value: Any) -> str:
    """Return a value as a person says it."""
    match value:
        case None | () | "":
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case Choice():
            picks = [f"{said(each)} when {text(rule)}" for rule, each in value.picks]
            return f"{', '.join(picks)}, else {said(value.otherwise)}"
        case Ladder():
            return _ladder(value)
        case Silence():
            return SILENCE[value]
        case Back():
            return f"leads back to stage {value.stage}"
        case Ending():
            return f"ends the deal ({value})"
        case Continue():
            return "lets the deal go on"
        case Table():
            return table_words(value)
        case CalendarSpec():
            return hours_words(value)
        case BaseModel() if hasattr(value, "is_"):
            return who_words(value)  # type: ignore[arg-type]
        case BaseModel() if hasattr(value, "kind"):
            return text(value)  # type: ignore[arg-type]
        case Mapping():
            return listed(f"{name}: {said(each)}" for name, each in value.items()) or "nothing"
        case tuple() | list():
            return listed(said(each) for each in value)
    return fact_words(value) if isinstance(value, str) else str(value)


def instead(old: Any, new: Any) -> str:
    """Return "3 business days instead of 2": the new value, and as much of the old one as is needed."""
    now, before = said(new), said(old)
    if isinstance(old, Span) and isinstance(new, Span) and old.unit is new.unit:
        before = str(old.n)
    if now == before:
        now, before = _exactly(new), _exactly(old)
    return f"{now} instead of {doing(before)}"


def doing(words: str) -> str:
    """Return what follows "instead of": "leading back to stage quote" for "leads back to stage quote"."""
    first, space, rest = words.partition(" ")
    return _DOING.get(first, first) + space + rest


def list_words(old: Iterable[str], new: Iterable[str], gains: str, loses: str) -> Iterator[str]:
    """Yield what a list gained and lost: "now also signs margin", "no longer signs the document sow"."""
    before, after = list(old), list(new)
    came, gone = [x for x in after if x not in before], [x for x in before if x not in after]
    if came:
        yield f"{gains} {listed(map(fact_words, came))}"
    if gone:
        yield f"{loses} {listed(map(fact_words, gone))}"
    if not came and not gone and before != after:
        yield f"{gains} the same in another order: {listed(map(fact_words, after))}"


def listed(words: Iterable[str]) -> str:
    """Return "a, b and c"."""
    every = list(words)
    return " and ".join([", ".join(every[:-1]), every[-1]] if len(every) > 1 else every)


def fact_words(path: str) -> str:
    """Return the path of a fact, or a document that is read like one, as a page says it."""
    if path.startswith(DOCUMENT):
        return f"document {path.removeprefix(DOCUMENT)}"
    return path.replace("_", " ").replace(".", " ")


def _ladder(ladder: Ladder) -> str:
    rungs = [said(rung) for rung in ladder.rungs]
    last = [f"then silence {SILENCE[ladder.last]}"] if ladder.last else []
    return ", then ".join(rungs) + ("; " if rungs and last else "") + "".join(last) if rungs or last else "nobody"


def _exactly(value: Any) -> str:
    """Return a value as data, for two that are said alike."""
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_exactly, value))}]"
    return repr(value)
