"""A flow as plain data: what the words build, what travels in a deal's input, what `walk` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from models.asking import DEAL_OWNER, Back, Choice, Customer, Ending, Ladder, Path, Patience, Route, Table, Who
from models.calendar import Span, business_days
from models.facts import FactSpec
from models.pinned import ActionSpec, PacketField, PacketSpec, TemplateSpec
from models.rules import Direction, Rule, directions, facts_of
from models.values import digest_of

__all__ = ["ActionSpec", "PacketField", "PacketSpec", "TemplateSpec"]  # a company's packets import them from here
StepId = str


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Step(_Data):
    name: str
    when: Rule | None = None
    was: str = ""
    line: int = 0

    kind: str = ""

    @cached_property
    def id(self) -> StepId:
        """Stable in the flow, free of stage and position."""
        return f"{self.kind}:{self.name}"


class ApprovalDef(_Step):
    """People say yes or no to named facts."""

    kind: Literal["approval"] = "approval"
    by: tuple[Who, ...] | Choice[tuple[Who, ...]]
    need: int | Literal["any", "all"] = "all"
    in_turn: bool = False
    patience: Patience
    covers: tuple[Path, ...] | None = None
    # Resolved when the flow is built: fact paths and `document:<name>` entries, with the way each gets worse.
    covered: Mapping[str, Direction] = {}
    form: Path | None = None
    on_reject: Route | None = None
    on_expire: Route | None = None
    advisory: bool = False
    every_round: bool = False
    not_same_as: tuple[str, ...] = ()
    repeat: Literal["ask", "if consecutive"] = "ask"
    override: Literal["one", "two", "none"] = Field(default="one", exclude_if=lambda value: value == "one")
    """How many administrators it takes to decide in place of those asked."""


class CallDef(_Step):
    """One catalogued action."""

    kind: Literal["call"] = "call"
    action: str
    effect: bool
    each: Path | None = None
    inputs: Mapping[str, Path] = {}


class RenderDef(_Step):
    """A document made from a template and facts."""

    kind: Literal["render"] = "render"
    document: str
    template: str | Choice[str]


class SignatureDef(_Step):
    """The customer signs a rendered document."""

    kind: Literal["signature"] = "signature"
    document: str
    patience: Patience
    by: Who = Customer(contact="signatory")
    in_turn: bool = True
    on_decline: Route | None = None
    on_expire: Route | None = None


class TaskDef(_Step):
    """Something a person does; the form's answers become facts."""

    kind: Literal["task"] = "task"
    by: tuple[Who, ...]
    patience: Patience
    form: Path | None = None
    on_expire: Route | None = None
    advisory: bool = False
    every_round: bool = False


class WaitDef(_Step):
    """Until a rule holds or a date has come."""

    kind: Literal["wait"] = "wait"
    until: Rule | None = None
    until_date: Path | None = None
    lead: Span | None = None
    by: tuple[Who, ...] = (DEAL_OWNER,)
    patience: Patience = Patience()
    on_expire: Route | None = None
    advisory: bool = False


class HandoffDef(_Step):
    """Operations accept a complete packet."""

    kind: Literal["handoff"] = "handoff"
    packet: str
    to: tuple[Who, ...]
    patience: Patience
    accept_when: Rule | None = None
    on_reject: Route | None = None


class SubflowDef(_Step):
    """Another flow or a hand-written child workflow."""

    kind: Literal["subflow"] = "subflow"
    what: str
    flow_digest: str = ""
    each: Path | None = None
    inputs: Mapping[str, Path] = {}
    outputs: tuple[Path, ...] = ()
    detach: bool = False
    on_reject: Route | None = None
    on_expire: Route | None = None


class EndDef(_Step):
    """An ending that stands where a step may."""

    kind: Literal["ending"] = "ending"
    ending: Ending


class SequenceDef(_Data):
    """Several nodes in order, as one branch."""

    kind: Literal["sequence"] = "sequence"
    nodes: tuple[Node, ...]


class ParallelDef(_Data):
    """Branches together."""

    kind: Literal["parallel"] = "parallel"
    branches: tuple[Node, ...]
    wait_all: bool = False
    line: int = 0


class WhenDef(_Data):
    """A rule added to the steps inside, or its opposite to the others."""

    kind: Literal["when"] = "when"
    rule: Rule
    nodes: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()
    line: int = 0


Step = ApprovalDef | CallDef | RenderDef | SignatureDef | TaskDef | WaitDef | HandoffDef | SubflowDef | EndDef
Node = Annotated[
    ApprovalDef
    | CallDef
    | RenderDef
    | SignatureDef
    | TaskDef
    | WaitDef
    | HandoffDef
    | SubflowDef
    | EndDef
    | SequenceDef
    | ParallelDef
    | WhenDef,
    Field(discriminator="kind"),
]
for _model in (SequenceDef, ParallelDef, WhenDef):
    _model.model_rebuild()


class StageDef(_Data):
    """Where a deal is."""

    name: str
    nodes: tuple[Node, ...]
    skip_when: Rule | None = None
    on_reject: Route | None = None
    on_expire: Route | None = None
    on_decline: Route | None = None
    max_rework: int = 3
    on_exhausted: Ending | None = None
    revise_within: Span = business_days(5)
    was: str = ""
    line: int = 0


class FlowDef(_Data):
    """A whole flow. Equal definitions have equal digests."""

    name: str
    version: int
    stages: tuple[StageDef, ...]
    takes: Rule | None = None
    owner: tuple[Who, ...] = (DEAL_OWNER,)
    completes: Ending = Ending(outcome="won")
    facts: Mapping[Path, FactSpec] = {}
    actions: Mapping[str, ActionSpec] = {}
    forms: Mapping[Path, Mapping[str, Any]] = {}
    templates: Mapping[str, TemplateSpec] = {}
    packets: Mapping[str, PacketSpec] = {}
    children: Mapping[str, FlowDef] = {}
    file: str = ""
    line: int = 0

    @cached_property
    def digest(self) -> str:
        """The hash of everything that decides what a deal does; where it was written does not count."""
        return digest_of_plain(self.model_dump(mode="json"))

    def travelling(self) -> FlowDef:
        """Return it as a deal carries it: written down without the folders of the machine it was read on."""
        return self.model_copy(update={"file": "/".join(self.file.replace("\\", "/").split("/")[-2:])})

    @cached_property
    def steps(self) -> Mapping[StepId, Placed]:
        """Every step by id, in flow order."""
        return {placed.step.id: placed for stage in self.stages for placed in _placed(stage)}

    @cached_property
    def renders(self) -> Mapping[str, tuple[Placed, ...]]:
        """The steps that make each document, in flow order."""
        made: dict[str, tuple[Placed, ...]] = {}
        for placed in self.steps.values():
            if isinstance(placed.step, RenderDef):
                made[placed.step.document] = (*made.get(placed.step.document, ()), placed)
        return made

    @cached_property
    def second_people(self) -> Mapping[StepId, tuple[StepId, ...]]:
        """The steps whose answerers may not answer an approval, whichever of the two says so."""
        approvals = [p.step for p in self.steps.values() if isinstance(p.step, ApprovalDef)]
        return {a.id: (*a.not_same_as, *(b.id for b in approvals if a.id in b.not_same_as)) for a in approvals}

    @cached_property
    def prices(self) -> tuple[Path, ...]:
        """The facts that say how a deal is priced: no step approves what its own approver made of them."""
        return tuple(p for p, spec in self.facts.items() if spec.guardrail and spec.type in ("money", "percent"))

    @cached_property
    def stage_names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages)

    def stage(self, name: str) -> StageDef:
        """Return one stage. Raises KeyError."""
        return next((s for s in self.stages if s.name == name), None) or self._missing(name)

    def _missing(self, name: str) -> StageDef:
        raise KeyError(f"flow {self.name} has no stage {name!r}; it has {', '.join(self.stage_names)}")


FlowDef.model_rebuild()


def digest_of_plain(plain: Any) -> str:
    """Return the digest of a definition as it is written down, whatever today's model would make of it."""
    return digest_of(json.dumps(_without_places(plain), sort_keys=True, separators=(",", ":")).encode())


class Placed(NamedTuple):
    """A step with what encloses it."""

    step: Step
    stage: StageDef
    rules: tuple[Rule, ...]
    """Its own rule and all enclosing ones."""


def stage_rules(stage: StageDef) -> tuple[Rule, ...]:
    """Return what `skip_when` adds to every step inside."""
    return () if stage.skip_when is None else (~stage.skip_when,)


def own_rules(step: Step) -> tuple[Rule, ...]:
    """Return the step's own rule, if it has one."""
    return () if step.when is None else (step.when,)


def commits(step: Step) -> bool:
    """Return whether `step` does something that cannot simply be taken back (semantics 8)."""
    return isinstance(step, SignatureDef | HandoffDef | SubflowDef) or (isinstance(step, CallDef) and step.effect)


def writes(step: Step, flow: FlowDef) -> tuple[Path, ...]:
    """Return the facts `step` writes."""
    match step:
        case CallDef():
            return flow.actions[step.action].outputs if step.action in flow.actions else ()
        case ApprovalDef() | TaskDef() if step.form is not None:
            return (step.form, *(p for p in flow.facts if p.startswith(f"{step.form}.")))
        case SubflowDef():
            return step.outputs
        case _:
            return ()


def choice_rules(step: Step) -> Iterator[Rule]:
    """Yield the rules that the parameters of `step` depend on."""
    patience = getattr(step, "patience", None) or Patience()
    values = (getattr(step, "by", None), getattr(step, "template", None))
    for value in (*values, patience.within, patience.escalate_to, patience.on_silence):
        if isinstance(value, Choice):
            yield from (rule for rule, _ in value.picks)


def parameter_rules(step: Step) -> Iterator[Rule]:
    """Yield the rules of `choice_rules`, and those of every row in the rule tables a step looks in."""
    yield from choice_rules(step)
    yield from (row.when for table in tables(step) for row in table.rows if row.when is not None)


def tables(step: Step) -> Iterator[Table]:
    """Yield the rule tables a step looks in, for whom it asks first, when it is late, or when nobody is there."""
    patience = getattr(step, "patience", None) or Patience()
    for value in (getattr(step, "by", ()), getattr(step, "to", ()), patience.escalate_to, patience.fallback):
        for each in (*(pick for _, pick in value.picks), value.otherwise) if isinstance(value, Choice) else (value,):
            rungs = each.rungs if isinstance(each, Ladder) else (each if isinstance(each, tuple) else (each,),)
            yield from (who for rung in rungs for who in rung if isinstance(who, Table))


def route(step: Step, stage: StageDef, outcome: str) -> Route | None:
    """Return where a negative outcome leads: the step's own route, else its stage's (semantics 20)."""
    word = {"rejected": "on_reject", "expired": "on_expire", "declined": "on_decline"}.get(outcome)
    if word is None:
        return None
    found: Route | None = getattr(step, word, None) or getattr(stage, word)
    if found is None and isinstance(step, HandoffDef):
        return Back(stage=stage.name)
    return found


def way(fact: Path, flow_facts: Mapping[Path, FactSpec], rules: tuple[Rule, ...]) -> Direction:
    """Return which way `fact` gets worse: read off the rules, else as the fact says (semantics 32)."""
    merged: dict[str, Direction] = {}
    for rule in rules:
        for path, found in directions(rule).items():
            merged[path] = found if merged.get(path, found) is found else Direction.DIFFERENT
    spec = flow_facts.get(fact)
    return merged.get(fact) or (spec.worse if spec else Direction.DIFFERENT)


def rule_facts(rules: tuple[Rule, ...]) -> list[Path]:
    """Return the facts `rules` read, each once."""
    return list(dict.fromkeys(path for rule in rules for path in facts_of(rule)))


def _without_places(plain: Any) -> Any:
    """Return a dump without the files and lines it was written at."""
    if isinstance(plain, dict):
        written = "line" in plain and any(key in plain for key in ("kind", "nodes", "stages", "rows", "who"))
        return {k: _without_places(v) for k, v in plain.items() if not (written and k in ("line", "file"))}
    return [_without_places(each) for each in plain] if isinstance(plain, list) else plain


def _placed(stage: StageDef) -> Iterator[Placed]:
    def go(node: Node, rules: tuple[Rule, ...]) -> Iterator[Placed]:
        match node:
            case SequenceDef():
                for child in node.nodes:
                    yield from go(child, rules)
            case ParallelDef():
                for child in node.branches:
                    yield from go(child, rules)
            case WhenDef():
                for child in node.nodes:
                    yield from go(child, (*rules, node.rule))
                for child in node.otherwise:
                    yield from go(child, (*rules, ~node.rule))
            case _:
                yield Placed(node, stage, (*rules, *own_rules(node)))

    for node in stage.nodes:
        yield from go(node, stage_rules(stage))
