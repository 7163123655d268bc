"""The words that get something done or let time pass: Call, Render, Subflow, Wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from activities.catalog import Action
from models.asking import Choice, Silence
from models.calendar import Span
from models.facts import Each, Fact
from models.flow import CallDef, FlowDef, RenderDef, SubflowDef, WaitDef
from models.mistakes import Mistake
from models.rules import Rule
from workflows import wording
from workflows.wording import People, To


def Call(  # noqa: N802
    action: Action[Any, Any],
    *,
    name: str = "",
    when: Rule | None = None,
    each: Each[Any] | None = None,
    inputs: Mapping[str, Fact[Any]] | None = None,
    was: str = "",
) -> CallDef:
    """Let a catalogued action run: price a quote, book an order. What happens outside happens exactly once.

        Call(price_quote)
        Call(create_project, when=deal.amount >= usd(10_000))

    action: one of activities/catalog.py. Its inputs are the facts of the same names, its outputs become facts.
    name: needed when the flow calls the same action twice.
    when: runs only when the rule holds. If it stops holding later, the owner decides what becomes of the effect.
    each: once for every item of a list fact, such as deal.lines; an item that is added later is done then.
    inputs: reads another fact for an input: {"account": deal.parent_account}. It renames, it never computes.
    was: the name it had before, so that running deals keep their record through a rename.
    """
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
    """Make a document from a template and the facts it reads; made again when one of these changes.

        Render("sow", template="sow/managed_services")

    document: what it is called in this flow; Signature and handoff packets name it.
    template: a folder under templates/documents, of Throughline or beside your flows. pick(...) chooses by rule.
    name: needed when the flow makes the same document twice.
    when: made only when the rule holds.
    was: the name it had before, so that running deals keep their record through a rename.
    """
    return RenderDef(
        name=name or document,
        document=document,
        template=template,
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
    """Start another flow, or a hand-written workflow, and wait for what comes of it: the escape hatch.

        Subflow(site_survey, each=deal.sites)

    what: a flow of the same folder (import it), or the class of a Temporal workflow.
    name: needed when the same one is started twice.
    each: one for every item of a list fact.
    inputs: what the child's facts are filled from: {"value": deal.amount}.
    outputs: the facts it may write back.
    detach: settled as soon as it has started; what comes of it stays its own.
    on_reject: where its no leads: a stage, an ending, or CONTINUE. Default: the deal's owner decides.
    on_expire: the same when it expired.
    when: only when the rule holds.
    was: the name it had before, so that running deals keep their record through a rename.
    """
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
    """Until a rule holds, or until a date has come. Nobody is asked; somebody always owns the wait.

        Wait("purchase order", until=deal.po_number.is_set(), within=days(30), on_expire=lost("no purchase order"))
        Wait("kick-off", until=deal.start_date, lead=business_days(5))

    reason: what is waited for, in the words a person reads when they ask why the deal stands still.
    until: a rule, or a date fact. True already is no wait; no longer true waits again.
    lead: goes on this long before the date; only with a date.
    by: who owns the wait and is told about it; the deal's owner without it.
    within: how long at most; without it, as long as it takes.
    remind_every: a nudge to its owner.
    on_expire: where the end of `within` leads: a stage, an ending, or CONTINUE. Needed with `within`.
    advisory: shown, but nothing stands behind it.
    name: needed when two waits have the same reason.
    when: only when the rule holds.
    was: the name it had before, so that running deals keep their record through a rename.
    """
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
