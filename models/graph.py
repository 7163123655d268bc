"""A flow as a graph: stations, the ways between them, and what stands together; pictures and paths are read off it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from models.asking import Back, Ending, Route
from models.flow import (
    ApprovalDef,
    CallDef,
    EndDef,
    FlowDef,
    HandoffDef,
    Node,
    ParallelDef,
    SequenceDef,
    SignatureDef,
    StageDef,
    Step,
    StepId,
    SubflowDef,
    WaitDef,
    WhenDef,
    commits,
    own_rules,
    route,
    stage_rules,
)
from models.rules import Rule, text
from models.turn import title

START, DONE = "start", "done"
OUTCOMES = ("rejected", "declined", "expired")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class Station(_Data):
    """A step where it stands. `rules` are all that decide whether it is done, `own` those its picture prints."""

    is_: Literal["station"] = "station"
    step: Step
    title: str
    where: str = ""
    """The system its action works in."""
    stage: str
    rules: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    parallel: bool = False

    @property
    def id(self) -> StepId:
        return self.step.id

    @property
    def advisory(self) -> bool:
        """Whether it is asked without holding anything up."""
        return bool(getattr(self.step, "advisory", False))

    @property
    def each(self) -> bool:
        """Whether it stands for one step per item, perhaps for none."""
        return getattr(self.step, "each", None) is not None

    @property
    def outside(self) -> bool:
        """Whether it does something in somebody else's system that cannot simply be taken back."""
        return commits(self.step)


class Line(_Data):
    """Parts one after the other."""

    is_: Literal["line"] = "line"
    parts: tuple[Part, ...]


class Together(_Data):
    """Branches side by side."""

    is_: Literal["together"] = "together"
    branches: tuple[Part, ...]


class Only(_Data):
    """Parts under a rule of their own, printed once for all of them."""

    is_: Literal["only"] = "only"
    rule: str
    part: Part


Part = Annotated[Station | Line | Together | Only, Field(discriminator="is_")]
for _model in (Line, Together, Only):
    _model.model_rebuild()


class Lane(_Data):
    """A stage with what stands in it."""

    name: str
    line: Line
    skip: str = ""
    max_rework: int = 3
    exhausted: str = ""


class Way(NamedTuple):
    """A way from one station to another, to a stage's start, or out of the flow."""

    kind: Literal["next", "back", "ends"]
    origin: str
    target: str
    why: str = ""
    """The rule of a station, or the outcomes that lead back or out."""


class Graph(_Data):
    """Everything a picture of a flow shows."""

    name: str
    version: int
    lanes: tuple[Lane, ...]
    completes: str
    ways: tuple[Way, ...]

    @cached_property
    def stations(self) -> dict[StepId, Station]:
        """Every station by its step, in flow order."""
        return {station.id: station for lane in self.lanes for station in stations(lane.line)}

    @cached_property
    def before(self) -> dict[str, frozenset[str]]:
        """For every station, all stations from which a way leads on to it, near and far."""
        found: dict[str, frozenset[str]] = {START: frozenset()}
        direct: dict[str, set[str]] = {}
        for way in self.ways:
            if way.kind == "next":
                direct.setdefault(way.target, set()).add(way.origin)
        for target in (*self.stations, DONE):  # flow order: what stands before is known already
            near = direct.get(target, set()) - {START}
            found[target] = frozenset(near).union(*(found.get(origin, frozenset()) for origin in near))
        return found


def graph(flow: FlowDef) -> Graph:
    """Return the graph of a flow. The same flow gives the same graph."""
    lanes = tuple(_Reader(flow, stage).lane() for stage in flow.stages)
    ways = (*_onward(lanes), *(way for stage in flow.stages for way in _aside(stage)))
    return Graph(name=flow.name, version=flow.version, lanes=lanes, completes=str(flow.completes), ways=ways)


def stations(part: Part) -> Iterator[Station]:
    """Yield the stations of a part in flow order."""
    match part:
        case Station():
            yield part
        case Only():
            yield from stations(part.part)
        case Line() | Together():
            for child in part.parts if isinstance(part, Line) else part.branches:
                yield from stations(child)


def joined(rules: tuple[str, ...]) -> str:
    """Return printed rules of which all must hold as one."""
    return " and ".join(f"({r})" if " or " in r and len(rules) > 1 else r for r in rules)


def step_title(flow: FlowDef, step: Step) -> str:
    """Return a step's name in a picture: what a call makes, else its own name."""
    spec = flow.actions.get(step.action) if isinstance(step, CallDef) and step.name == step.action else None
    return spec.title if spec is not None else title(step.id).capitalize()


class _Reader:
    """Reads the parts of one stage."""

    def __init__(self, flow: FlowDef, stage: StageDef) -> None:
        self.flow, self.stage = flow, stage

    def lane(self) -> Lane:
        stage = self.stage
        parts = tuple(part for node in stage.nodes for part in self._parts(node, stage_rules(stage), ()))
        return Lane(
            name=stage.name, line=Line(parts=parts), skip=text(stage.skip_when) if stage.skip_when is not None else "",
            max_rework=stage.max_rework, exhausted=str(stage.on_exhausted) if stage.on_exhausted is not None else "",
        )  # fmt: skip

    def _parts(
        self, node: Node, rules: tuple[Rule, ...], printed: tuple[Rule, ...], *, beside: bool = False
    ) -> Iterator[Part]:
        """Yield what a node is in the picture; `printed` are rules that the next station must print itself."""
        match node:
            case SequenceDef():
                for child in node.nodes:
                    yield from self._parts(child, rules, printed, beside=beside)
            case ParallelDef():
                branches = (tuple(self._parts(child, rules, printed, beside=True)) for child in node.branches)
                yield Together(branches=tuple(_one(branch) for branch in branches if branch))
            case WhenDef():
                yield from self._when(node, rules, beside=beside)
            case _:
                yield self._station(node, (*rules, *own_rules(node)), (*printed, *own_rules(node)), beside=beside)

    def _when(self, node: WhenDef, rules: tuple[Rule, ...], *, beside: bool) -> Iterator[Part]:
        split = bool(node.otherwise) and bool(node.nodes)
        found: list[Part] = []
        for nodes, rule in ((node.nodes, node.rule), (node.otherwise, ~node.rule)):
            alone = not split and len(nodes) == 1 and not isinstance(nodes[0], SequenceDef | ParallelDef | WhenDef)
            shown, beside_ = ((rule,) if alone else ()), beside or split
            parts = tuple(p for child in nodes for p in self._parts(child, (*rules, rule), shown, beside=beside_))
            if parts:
                found.append(_one(parts) if alone else Only(rule=_branch(node, rule, split=split), part=_one(parts)))
        if split:
            yield Together(branches=tuple(found))
        else:
            yield from found

    def _station(self, step: Step, rules: tuple[Rule, ...], own: tuple[Rule, ...], *, beside: bool) -> Station:
        spec = self.flow.actions.get(step.action) if isinstance(step, CallDef) else None
        return Station(
            step=step, title=step_title(self.flow, step), where=spec.system if spec is not None else "",
            stage=self.stage.name, rules=tuple(text(r) for r in rules), own=tuple(text(r) for r in own),
            parallel=beside,
        )  # fmt: skip


def _branch(node: WhenDef, rule: Rule, *, split: bool) -> str:
    return "otherwise" if split and rule is not node.rule else f"if {text(rule)}"


def _one(parts: tuple[Part, ...]) -> Part:
    return parts[0] if len(parts) == 1 else Line(parts=parts)


def _onward(lanes: tuple[Lane, ...]) -> Iterator[Way]:
    """Yield the ways on, each with the rule of the station it leads to."""
    ends = [START]
    for lane in lanes:
        yield from _through(lane.line, ends)
    yield from (Way("next", end, DONE) for end in ends)


def _through(part: Part, ends: list[str]) -> Iterator[Way]:
    """Yield the ways through a part; `ends` are the stations it is entered from, afterwards those it is left from."""
    match part:
        case Station():
            yield from (Way("next", end, part.id, joined(part.rules)) for end in ends)
            if not part.advisory:
                ends[:] = [part.id]
        case Only():
            yield from _through(part.part, ends)
        case Line():
            for child in part.parts:
                yield from _through(child, ends)
        case Together():
            entered, left = list(ends), list[str]()
            for branch in part.branches:
                mine = list(entered)
                yield from _through(branch, mine)
                left += mine
            ends[:] = list(dict.fromkeys(left)) or entered


def _aside(stage: StageDef) -> Iterator[Way]:
    """Yield the ways back and out of a stage, one per station and target with all outcomes that lead there."""
    for node in stage.nodes:
        for step in _steps(node):
            if isinstance(step, EndDef):
                yield Way("ends", step.id, str(step.ending), joined(tuple(text(r) for r in own_rules(step))))
                continue
            by_target: dict[tuple[Literal["back", "ends"], str], list[str]] = {}
            for outcome in OUTCOMES:
                target = _target(route(step, stage, outcome)) if _may(step, outcome) else None
                if target is not None:
                    by_target.setdefault(target, []).append(outcome)
            for (kind, where), outcomes in by_target.items():
                yield Way(kind, step.id, where, " or ".join(outcomes))


def _target(found: Route | None) -> tuple[Literal["back", "ends"], str] | None:
    match found:
        case Back():
            return "back", found.stage
        case Ending():
            return "ends", str(found)
    return None


def _may(step: Step, outcome: str) -> bool:
    """Return whether a step can come out this way."""
    match step:
        case ApprovalDef() | SubflowDef():
            return outcome in ("rejected", "expired")
        case SignatureDef():
            return outcome in ("declined", "expired")
        case HandoffDef():
            return outcome == "rejected"
        case CallDef():
            return False
    return outcome == "expired" and (isinstance(step, WaitDef) or step.kind == "task")


def _steps(node: Node) -> Iterator[Step]:
    match node:
        case SequenceDef():
            children: tuple[Node, ...] = node.nodes
        case ParallelDef():
            children = node.branches
        case WhenDef():
            children = (*node.nodes, *node.otherwise)
        case _:
            yield node
            return
    for child in children:
        yield from _steps(child)
