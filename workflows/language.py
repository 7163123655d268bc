"""The twelve words a flow is written in. They build plain data; no author code runs inside a workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from activities.catalog import Action
from models.asking import Choice, Customer, Silence
from models.calendar import Span, business_days, business_hours, days, hours, minutes
from models.facts import (
    CRM,
    DIFFERENT,
    ERP,
    HIGHER,
    LOWER,
    PERSON,
    STEP,
    Answers,
    DealFacts,
    Each,
    Fact,
    Ordered,
    fact,
)
from models.flow import (
    ApprovalDef,
    CallDef,
    FlowDef,
    HandoffDef,
    PacketField,
    PacketSpec,
    RenderDef,
    SignatureDef,
    SubflowDef,
    TaskDef,
    WaitDef,
)
from models.mistakes import Mistake
from models.money import Money, Percent, percent, usd
from models.rules import Rule
from models.values import Digest
from workflows import wording
from workflows.parameters import (
    APPROVE,
    CONTINUE,
    ESCALATE,
    EXPIRE,
    REJECT,
    cancelled,
    customer,
    group,
    lost,
    managers,
    owner,
    pick,
    table,
    won,
)
from workflows.structure import Flow, Parallel, Stage, When
from workflows.wording import People, Rungs, To, Who

__all__ = [
    "APPROVE",
    "CONTINUE",
    "CRM",
    "DIFFERENT",
    "ERP",
    "ESCALATE",
    "EXPIRE",
    "HIGHER",
    "LOWER",
    "PERSON",
    "REJECT",
    "STEP",
    "Answers",
    "Approval",
    "Call",
    "DealFacts",
    "Digest",
    "Each",
    "Fact",
    "Flow",
    "Handoff",
    "Money",
    "Ordered",
    "PacketField",
    "PacketSpec",
    "Parallel",
    "Percent",
    "Render",
    "Signature",
    "Span",
    "Stage",
    "Subflow",
    "Task",
    "Wait",
    "When",
    "business_days",
    "business_hours",
    "cancelled",
    "customer",
    "days",
    "fact",
    "group",
    "hours",
    "lost",
    "managers",
    "minutes",
    "owner",
    "percent",
    "pick",
    "table",
    "usd",
    "won",
]  # fmt: skip


def Approval(  # noqa: N802
    name: str,
    *,
    by: People | Choice[People],
    within: Span | Choice[Span],
    escalate_to: Rungs | Choice[Rungs] = (),
    need: int | Literal["any", "all"] = "all",
    in_turn: bool = False,
    when: Rule | None = None,
    covers: Sequence[Fact[Any]] | None = None,
    form: Answers[Any] | None = None,
    remind_every: Span | None = None,
    on_silence: Silence | Choice[Silence] = Silence.ESCALATE,
    on_reject: To | None = None,
    on_expire: To | None = None,
    advisory: bool = False,
    every_round: bool = False,
    not_same_as: Sequence[str] = (),
    repeat: Literal["ask", "if consecutive"] = "ask",
    was: str = "",
) -> ApprovalDef:
    """People say yes or no. It signs what it covers and is asked again only when that gets worse."""
    return ApprovalDef(
        name=name,
        by=wording.choose(by, wording.people),
        need=need,
        in_turn=in_turn,
        patience=wording.patience(within, escalate_to, remind_every, on_silence),
        covers=None if covers is None else wording.paths("covers", covers),
        form=form.path if form is not None else None,
        on_reject=wording.route(on_reject),
        on_expire=wording.route(on_expire),
        advisory=advisory,
        every_round=every_round,
        not_same_as=tuple(wording.step_id(s) for s in not_same_as),
        repeat=repeat,
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Call(  # noqa: N802
    action: Action[Any, Any],
    *,
    name: str = "",
    when: Rule | None = None,
    each: Each[Any] | None = None,
    inputs: Mapping[str, Fact[Any]] | None = None,
    was: str = "",
) -> CallDef:
    """Let a catalogued action run. Its inputs are facts of the same names; `inputs` names others."""
    if not isinstance(action, Action):
        raise Mistake(
            f"Call takes an action, and {wording.named(action)} is none",
            "import one, as in from activities.catalog import create_project, and write Call(create_project)",
        )
    paths = {field: field for field in action.input.model_fields if field != "item"}
    paths.update({field: wording.path("inputs", fact) for field, fact in (inputs or {}).items()})
    unknown = [field for field in inputs or {} if field not in action.input.model_fields]
    if unknown:
        raise Mistake(
            f"{action.name} has no input {unknown[0]!r}", f"its inputs are {', '.join(action.input.model_fields)}"
        )
    return CallDef(
        name=name or action.name,
        action=action.name,
        effect=action.effect,
        each=each.path if each is not None else None,
        inputs=paths,
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Render(  # noqa: N802
    document: str, *, template: str | Choice[str], name: str = "", when: Rule | None = None, was: str = ""
) -> RenderDef:
    """Make a document from a template. `template` is a folder under templates/documents."""
    return RenderDef(
        name=name or document,
        document=document,
        template=template,
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Signature(  # noqa: N802
    document: str,
    *,
    within: Span | Choice[Span],
    remind_every: Span | None = None,
    by: Who = Customer(contact="signatory"),  # noqa: B008 (frozen data)
    in_turn: bool = True,
    on_decline: To | None = None,
    on_expire: To | None = None,
    name: str = "",
    when: Rule | None = None,
    was: str = "",
) -> SignatureDef:
    """The customer signs a rendered document; a changed document is asked for anew."""
    return SignatureDef(
        name=name or document,
        document=document,
        patience=wording.patience(within, (), remind_every, Silence.EXPIRE),
        by=wording.who(by),
        in_turn=in_turn,
        on_decline=wording.route(on_decline),
        on_expire=wording.route(on_expire),
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Task(  # noqa: N802
    name: str,
    *,
    by: People,
    within: Span | Choice[Span],
    form: Answers[Any] | None = None,
    when: Rule | None = None,
    escalate_to: Rungs | Choice[Rungs] = (),
    remind_every: Span | None = None,
    on_silence: Silence | Choice[Silence] = Silence.ESCALATE,
    on_expire: To | None = None,
    advisory: bool = False,
    every_round: bool = False,
    was: str = "",
) -> TaskDef:
    """Something a person does; the answers of `form` become facts."""
    return TaskDef(
        name=name,
        by=wording.people(by),
        patience=wording.patience(within, escalate_to, remind_every, on_silence),
        form=form.path if form is not None else None,
        on_expire=wording.route(on_expire),
        advisory=advisory,
        every_round=every_round,
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Wait(  # noqa: N802
    reason: str,
    *,
    until: Rule | Fact[Any],
    lead: Span | None = None,
    by: People = "deal_owner",
    within: Span | Choice[Span] | None = None,
    remind_every: Span | None = None,
    on_expire: To | None = None,
    advisory: bool = False,
    name: str = "",
    when: Rule | None = None,
    was: str = "",
) -> WaitDef:
    """Until a rule holds, or a date has come (`lead` before it)."""
    dated = isinstance(until, Fact)
    return WaitDef(
        name=name or reason,
        until=None if isinstance(until, Fact) else wording.rule(until),
        until_date=until.path if isinstance(until, Fact) else None,
        lead=lead if dated else None,
        by=wording.people(by),
        patience=wording.patience(within, (), remind_every, Silence.EXPIRE),
        on_expire=wording.route(on_expire),
        advisory=advisory,
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Handoff(  # noqa: N802
    packet: str,
    *,
    to: People,
    within: Span | Choice[Span],
    escalate_to: Rungs | Choice[Rungs] = (),
    remind_every: Span | None = None,
    accept_when: Rule | None = None,
    on_reject: To | None = None,
    name: str = "",
    when: Rule | None = None,
    was: str = "",
) -> HandoffDef:
    """Operations accept a complete packet, accept it with conditions, or send it back (to its own stage by default)."""
    return HandoffDef(
        name=name or packet,
        packet=packet,
        to=wording.people(to),
        patience=wording.patience(within, escalate_to, remind_every, Silence.ESCALATE),
        accept_when=wording.rule(accept_when),
        on_reject=wording.route(on_reject),
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Subflow(  # noqa: N802
    what: FlowDef | type,
    *,
    name: str = "",
    each: Each[Any] | None = None,
    inputs: Mapping[str, Fact[Any]] | None = None,
    outputs: Sequence[Fact[Any]] = (),
    detach: bool = False,
    on_reject: To | None = None,
    on_expire: To | None = None,
    when: Rule | None = None,
    was: str = "",
) -> SubflowDef:
    """Another flow, or a hand-written workflow: the escape hatch."""
    child = what.name if isinstance(what, FlowDef) else what.__name__
    return SubflowDef(
        name=name or child,
        what=child,
        flow_digest=what.digest if isinstance(what, FlowDef) else "",
        each=each.path if each is not None else None,
        inputs={field: wording.path("inputs", fact) for field, fact in (inputs or {}).items()},
        outputs=wording.paths("outputs", outputs),
        detach=detach,
        on_reject=wording.route(on_reject),
        on_expire=wording.route(on_expire),
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )
