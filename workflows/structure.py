"""The four words that give a flow its shape: Flow, Stage, Parallel, When."""

from __future__ import annotations

from models.asking import Ending
from models.calendar import Span, business_days
from models.flow import FlowDef, ParallelDef, StageDef, WhenDef
from models.mistakes import Mistake
from models.rules import Rule
from workflows import wording
from workflows.wording import People, Steps, To


def Flow(  # noqa: N802 (a word of the language, like the others below)
    name: str,
    *stages: StageDef,
    version: int,
    takes: Rule | None = None,
    owner: People = "deal_owner",
    completes: Ending = Ending(outcome="won"),  # noqa: B008 (frozen data)
) -> FlowDef:
    """What happens to a deal, in which order: stages from top to bottom.

        ours = Flow("enterprise-deals", Stage("quote", ...), Stage("contract", ...), version=1)

    name: what people call it; unique among the flows on offer.
    stages: a deal is in the first stage with something unsettled.
    version: 1, then 2, ... A released version never changes; deals that run keep the one they began with.
    takes: which deals get this flow, by what is known when they arrive. The first flow that takes a deal gets it.
    owner: who looks after its deals; without it the person whom the fact `owner` names.
    completes: what a deal is that came to the end: won() without it.

    Raises Mistake for what cannot be data; everything else is reported by `throughline flow check`.
    """
    file, line = wording.caller()
    for stage in stages:
        if not isinstance(stage, StageDef):
            raise Mistake(
                f"{wording.named(stage)} stands in flow {name!r} outside of a stage",
                'write Stage("...", ...) around it',
            )
    # Before it is bound the flow still holds its actions and facts by object; see workflows/library.py.
    return FlowDef(
        name=name,
        version=version,
        stages=stages,
        takes=takes,
        owner=wording.people(owner),
        completes=completes,
        file=file,
        line=line,
    )


def Stage(  # noqa: N802
    name: str,
    *steps: Steps,
    skip_when: Rule | None = None,
    on_reject: To | None = None,
    on_expire: To | None = None,
    on_decline: To | None = None,
    max_rework: int = 3,
    on_exhausted: Ending | None = None,
    revise_within: Span = business_days(5),  # noqa: B008 (frozen data)
    was: str = "",
) -> StageDef:
    """Where a deal is: steps from top to bottom, each begun when everything before it is settled.

        Stage("review", Approval(...), Approval(...), skip_when=deal.amount < usd(10_000), on_reject="quote")

    skip_when: passes the whole stage by when the rule holds, and says so.
    on_reject: where a no leads, unless its step says otherwise: this or an earlier stage, lost("reason"), CONTINUE.
    on_expire: the same for what nobody answered. on_decline: the same for a customer who does not sign.
    max_rework: how often this stage may send a deal back; once more is for the owner's manager, or `on_exhausted`.
    on_exhausted: the ending instead of asking the manager: lost("no agreement on price").
    revise_within: how long the owner has to change a deal that was sent back to this stage.
    was: the name it had before, so that running deals keep their records through a rename.
    """
    return StageDef(
        name=name,
        nodes=tuple(wording.node(step) for step in steps),
        skip_when=wording.rule(skip_when),
        on_reject=wording.route(on_reject),
        on_expire=wording.route(on_expire),
        on_decline=wording.route(on_decline),
        max_rework=max_rework,
        on_exhausted=on_exhausted,
        revise_within=revise_within,
        was=was,
        line=wording.caller()[1],
    )


def Parallel(*branches: Steps, wait_all: bool = False) -> ParallelDef:  # noqa: N802
    """Branches together, in no order. The first no sends the deal back at once and closes the others.

        Parallel(Approval("legal", ...), Approval("finance", ...), (Call(price_quote), Approval("desk", ...)))

    branches: steps; a tuple is one branch of several steps in order.
    wait_all: hears every branch first, then sends back once, with all reasons.
    """
    inner = tuple(wording.node(branch) for branch in branches)
    return ParallelDef(branches=inner, wait_all=wait_all, line=wording.caller()[1])


def When(rule: Rule, *steps: Steps, otherwise: Steps = ()) -> WhenDef:  # noqa: N802
    """The steps only when the rule holds; `otherwise` only when it does not.

        When(deal.term_months > 36, Approval("cfo", ...), otherwise=Render("letter", template="letter"))

    otherwise: one step, or a tuple of several.
    """
    other = otherwise if isinstance(otherwise, tuple) else (otherwise,)
    checked = wording.rule(rule)
    if checked is None:
        raise Mistake("When has no rule", "write it first: When(deal.amount > usd(10_000), ...)")
    return WhenDef(
        rule=checked,
        nodes=tuple(wording.node(s) for s in steps),
        otherwise=tuple(wording.node(s) for s in other),
        line=wording.caller()[1],
    )
