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
    """What happens to a deal, in which order. `takes` says which deals; the first flow on offer that takes one gets it.

    Raises TypeError or ValueError for what cannot be data; everything else is reported by `throughline flow check`.
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
    """Where a deal is. Its steps run in order; `on_reject` and the like name this or an earlier stage, or an ending."""
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
    """Branches together; a tuple is one branch of several steps. The first no routes, or with `wait_all` the last."""
    return ParallelDef(branches=tuple(wording.node(branch) for branch in branches), wait_all=wait_all)


def When(rule: Rule, *steps: Steps, otherwise: Steps = ()) -> WhenDef:  # noqa: N802
    """The steps only when the rule holds; `otherwise` only when it does not."""
    other = otherwise if isinstance(otherwise, tuple) else (otherwise,)
    checked = wording.rule(rule)
    if checked is None:
        raise Mistake("When has no rule", "write it first: When(deal.amount > usd(10_000), ...)")
    return WhenDef(
        rule=checked, nodes=tuple(wording.node(s) for s in steps), otherwise=tuple(wording.node(s) for s in other)
    )
