"""How the arguments of the words become data: names to people, stages to routes, tuples to branches."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any, Literal

from models.asking import (
    DEAL_OWNER,
    Back,
    Choice,
    Continue,
    Customer,
    Ending,
    Group,
    Hours,
    Ladder,
    Managers,
    Named,
    Owner,
    Party,
    Patience,
    Role,
    Row,
    Silence,
    Table,
)
from models.asking import Route as _Route
from models.asking import Who as _Who
from models.calendar import CalendarSpec, Span
from models.facts import Fact, Ordered
from models.flow import (
    ApprovalDef,
    CallDef,
    EndDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    RenderDef,
    SequenceDef,
    SignatureDef,
    StageDef,
    SubflowDef,
    TaskDef,
    WaitDef,
    WhenDef,
)
from models.mistakes import Mistake
from models.rules import Compare, Every, IsSet, Not, Rule, Some, text
from models.spelling import example, written

Who = str | _Who
"""A role by name, or one of person(), group(), managers(), owner(), customer(), table()."""
People = Who | Sequence[Who]
Rungs = Who | Silence | tuple["Who | Sequence[Who] | Silence", ...] | list[Who]
To = str | Ending | Continue
Steps = Node | Ending | tuple["Steps", ...]

_WORDS = ("workflows.requests", "workflows.parameters", "workflows.doing", "workflows.structure", __name__)


def who(given: Who) -> _Who:
    if isinstance(given, str):
        return DEAL_OWNER if given == "deal_owner" else Role(role=given)
    if isinstance(given, Role | Group | Managers | Owner | Customer | Named | Table):
        return given
    if isinstance(given, Row):
        raise Mistake("a row stands outside of its table", 'write table("...", row(...), match="first") around it')
    raise Mistake(
        f"{named(given)} is nobody to ask",
        'name a role, as in "deal_desk", or write person(...), group(...), managers(...), owner(...), customer(...), '
        "table(...)",
    )


def people(given: People) -> tuple[_Who, ...]:
    if isinstance(given, list | tuple):
        return tuple(who(each) for each in given)
    return (who(given),)  # type: ignore[arg-type]


def parties(given: People) -> tuple[Party, ...]:
    """Return whom a row of a table names."""
    found: list[Party] = []
    for each in people(given):
        if isinstance(each, Table):
            raise Mistake(f"a row names table {each.name!r}", "write the rows of that table here, or name people")
        found.append(each)
    if not found:
        raise Mistake("a row names nobody", 'name a role, as in row("cfo", when=deal.amount > usd(100_000))')
    return tuple(found)


def ladder(rungs: Rungs) -> Ladder:
    if isinstance(rungs, Silence):
        return Ladder(last=rungs)
    steps = rungs if isinstance(rungs, tuple) else (rungs,)
    last = steps[-1] if steps and isinstance(steps[-1], Silence) else None
    asked = steps[:-1] if last is not None else steps
    return Ladder(rungs=tuple(people(rung) for rung in asked), last=last)


def patience(
    within: Any,
    escalate_to: Any,
    remind_every: Span | None,
    on_silence: Any,
    hours: Hours = "company",
    fallback: People = (),
) -> Patience:
    for word, value in (("within", within), ("remind_every", remind_every)):
        if value is not None and not isinstance(value, Span | Choice):
            raise Mistake(f"{word}={value!r} is no length of time", f"write {word}={_span(value)}")
    if hours not in ("company", "person") and not isinstance(hours, CalendarSpec):
        remedy = 'write hours="company", hours="person", or hours=calendar("Asia/Tokyo", "9:00-17:00")'
        raise Mistake(f"hours={hours!r} are nobody's working hours", remedy)
    return Patience(
        within=within,
        escalate_to=choose(escalate_to, ladder),
        remind_every=remind_every,
        on_silence=on_silence,
        hours=hours,
        fallback=people(fallback),
    )


def choose(value: Any, make: Any) -> Any:
    """Build a parameter, or every alternative of a pick."""
    if not isinstance(value, Choice):
        return make(value)
    return Choice(picks=tuple((rule, make(v)) for rule, v in value.picks), otherwise=make(value.otherwise))


def route(to: To | None) -> _Route | None:
    return Back(stage=to) if isinstance(to, str) else to


def rule(given: Any) -> Rule | None:
    if given is None or isinstance(given, Compare | IsSet | Every | Some | Not):
        return given
    if isinstance(given, tuple) and len(given) == 1:
        raise Mistake("a comma behind a rule makes a tuple of it", "take the comma away where the rule is named")
    if isinstance(given, Fact):
        raise Mistake(
            f"{given!r} is a fact, not yet a rule",
            f"compare it, as in {given!r}{_comparison(given)}, or {given!r}.is_set()",
        )
    raise Mistake(f"{named(given)} is not a rule", "compare a fact, as in deal.discount > percent(15)")


def paths(word: str, given: Any) -> tuple[str, ...]:
    """Return the paths of the facts a parameter lists."""
    if isinstance(given, Fact):
        raise Mistake(f"{word} takes a list of facts", f"write {word}=[{given!r}]")
    return tuple(path(word, each) for each in given)


def path(word: str, given: Any) -> str:
    """Return the path of a fact that a parameter names."""
    if not isinstance(given, Fact):
        near = given if isinstance(given, str) and given.isidentifier() else "..."
        raise Mistake(f"{word} takes facts, and {named(given)} is none", f"write deal.{near}")
    return given.path


def node(step: Any) -> Node:
    match step:
        case Ending():
            return EndDef(name=str(step), ending=step, line=caller()[1])
        case tuple():
            return SequenceDef(nodes=tuple(node(child) for child in step))
        case StageDef():
            raise Mistake(f"{named(step)} stands inside another stage", "put it behind that stage, in the flow")
        case FlowDef():
            raise Mistake(f"{named(step)} stands inside a stage", "write Subflow(...) around it")
        case list():
            raise Mistake(
                "steps stand in a list", "take its brackets away; a branch of several steps is in parentheses"
            )
        case ApprovalDef() | CallDef() | RenderDef() | SignatureDef() | TaskDef() | WaitDef() | HandoffDef():
            return step
        case SubflowDef() | EndDef() | SequenceDef() | ParallelDef() | WhenDef():
            return step
        case Compare() | IsSet() | Every() | Some() | Not():
            raise Mistake("a rule stands where a step is expected", "write when=... before it, or When(rule, steps)")
    raise Mistake(f"{named(step)} is not a step", "write Approval(...), Call(...), Render(...) or another word")


def named(given: Any) -> str:
    """Return what an author would call a thing they wrote."""
    kind = type(given).__name__
    if kind.endswith("Def") and hasattr(given, "name"):
        return f"{kind.removesuffix('Def')} {given.name!r}"
    if isinstance(given, Compare | IsSet | Every | Some | Not):
        return f"the rule {text(given)!r}"
    if isinstance(given, list | tuple):
        return f"a {type(given).__name__} of {len(given)}"
    if callable(given):
        name = getattr(given, "__name__", kind)
        return "a lambda" if name == "<lambda>" else f"{name} without its parentheses"
    return written(given)


def override(given: Any) -> Literal["one", "two", "none"]:
    if given in ("one", "two", "none"):
        return given  # type: ignore[no-any-return]
    raise Mistake(f"override={given!r} is no number of administrators", 'write override="one", "two" or "none"')


def step_ids(word: str, given: Any) -> tuple[str, ...]:
    """Return the ids of the approvals that a parameter lists by name."""
    if isinstance(given, str):
        raise Mistake(f"{word} takes a list of names", f"write {word}=[{given!r}]")
    return tuple(step_id(name) for name in given)


def step_id(name: str) -> str:
    return name if ":" in name else f"approval:{name}"


def _span(value: object) -> str:
    """Return how a length of time that was written as a text or a number is written."""
    found = re.fullmatch(r"\s*(\d+)\s*(business\s+)?(minute|hour|day|week)s?\s*", str(value))
    if found is None:
        return f"business_days({value})" if isinstance(value, int) else "business_days(2)"
    n, business, unit = int(found[1]), found[2], found[3]
    if unit == "week":
        n, unit = n * (5 if business else 7), "day"
    return f"{'business_' if business else ''}{unit}s({n})"


def _comparison(given: Fact[Any]) -> str:
    sample = example(given.holds_type)
    return f" > {sample}" if isinstance(given, Ordered) else f".is_({sample})"


def caller() -> tuple[str, int]:
    """Return the file and line in the flow file that is being imported, for messages."""
    frame = sys._getframe(1)  # noqa: SLF001 (the documented way to the caller's line)
    while frame.f_globals.get("__name__") in _WORDS and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
