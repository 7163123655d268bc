"""How the arguments of the words become data: names to people, stages to routes, tuples to branches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from models.asking import (
    DEAL_OWNER,
    Back,
    Choice,
    Continue,
    Customer,
    Ending,
    Group,
    Ladder,
    Managers,
    Owner,
    Patience,
    Role,
    Silence,
    Table,
)
from models.asking import Route as _Route
from models.asking import Who as _Who
from models.calendar import Span
from models.flow import EndDef, FlowDef, Node, SequenceDef, StageDef
from models.rules import Rule

Who = str | _Who
"""A role by name, or one of group(), managers(), owner(), customer(), table()."""
People = Who | Sequence[Who]
Rungs = Who | Silence | tuple["Who | Sequence[Who] | Silence", ...] | list[Who]
To = str | Ending | Continue
Steps = Node | Ending | tuple["Steps", ...]

_WORDS = ("workflows.language", "workflows.structure", __name__)


def who(given: Who) -> _Who:
    if isinstance(given, str):
        return DEAL_OWNER if given == "deal_owner" else Role(role=given)
    if isinstance(given, Role | Group | Managers | Owner | Customer | Table):
        return given
    raise TypeError(
        f"{given!r} is nobody to ask: name a role, or use group(), managers(), owner(), customer(), table()"
    )


def people(given: People) -> tuple[_Who, ...]:
    if isinstance(given, list | tuple):
        return tuple(who(each) for each in given)
    return (who(given),)  # type: ignore[arg-type]


def ladder(rungs: Rungs) -> Ladder:
    if isinstance(rungs, Silence):
        return Ladder(last=rungs)
    steps = rungs if isinstance(rungs, tuple) else (rungs,)
    last = steps[-1] if steps and isinstance(steps[-1], Silence) else None
    asked = steps[:-1] if last is not None else steps
    return Ladder(rungs=tuple(people(rung) for rung in asked), last=last)


def patience(within: Any, escalate_to: Any, remind_every: Span | None, on_silence: Any) -> Patience:
    for value in (within, remind_every):
        if value is not None and not isinstance(value, Span | Choice):
            raise TypeError(f"a time is business_days(2), days(14) and the like, not {value!r}")
    return Patience(
        within=within, escalate_to=choose(escalate_to, ladder), remind_every=remind_every, on_silence=on_silence
    )


def choose(value: Any, make: Any) -> Any:
    """Build a parameter, or every alternative of a pick."""
    if not isinstance(value, Choice):
        return make(value)
    return Choice(picks=tuple((rule, make(v)) for rule, v in value.picks), otherwise=make(value.otherwise))


def route(to: To | None) -> _Route | None:
    return Back(stage=to) if isinstance(to, str) else to


def rule(given: Any) -> Rule | None:
    if given is None or hasattr(given, "kind"):
        return given  # type: ignore[no-any-return]
    raise TypeError(f"a rule compares facts, as in deal.discount > percent(15); {given!r} is not one")


def node(step: Any) -> Node:
    match step:
        case Ending():
            return EndDef(name=str(step), ending=step, line=caller()[1])
        case tuple():
            return SequenceDef(nodes=tuple(node(child) for child in step))
        case FlowDef() | StageDef():
            raise TypeError(
                f"a stage holds steps; {step.name!r} is a {type(step).__name__.removesuffix('Def').lower()}"
            )
        case _ if hasattr(step, "kind"):
            return step  # type: ignore[no-any-return]
    raise TypeError(f"{step!r} is not a step; a stage holds Approval, Call, Render and the other words")


def step_id(name: str) -> str:
    return name if ":" in name else f"approval:{name}"


def caller() -> tuple[str, int]:
    """Return the file and line in the flow file that is being imported, for messages."""
    frame = sys._getframe(1)  # noqa: SLF001 (the documented way to the caller's line)
    while frame.f_globals.get("__name__") in _WORDS and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
