"""From an offer on a deal's page to the act it stands for: what pressing the button would send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from models import acts
from models.boundaries import meeting
from models.deal import DealState, placed
from models.facts import Source
from models.flow import WaitDef, writes
from models.given import form_answers
from models.offers import Offer
from models.progress import Wait
from models.reasons import lacking
from models.rules import Rule, facts_of, holds
from models.values import Digest, Value

Supply = Callable[[str], Value]
"""What a person, or the outside, says a fact is."""
ORDINARY = "because that is how it is done here"


def act_of(
    state: DealState, wait: Wait, offer: Offer, *, by: str, key: str, now: datetime, supply: Supply,
    reason: str = ORDINARY,
) -> acts.Act | None:  # fmt: skip
    """Return the act behind an offer, filled in; None when nothing could be filled in that would help."""
    common: dict[str, Any] = {"key": key, "by": by, "channel": "page"}
    step = {**common, "step": wait.step or ""}
    request = {**step, "round": wait.round}
    match offer.do:
        case "decide":
            more = {"conditions": ("check once more before go-live",)} if offer.choice.endswith("conditions") else {}
            return acts.Decide(
                **request, edition=wait.edition, verdict=offer.choice, reason=reason,
                form=_form(state, wait.step, supply), **more,
            )  # fmt: skip
        case "complete":
            return acts.Complete(**request, form=_form(state, wait.step, supply))
        case "sign":
            return acts.Sign(**request, document=_document(state, wait), signer=by)
        case "decline":
            return acts.Decline(**request, reason=reason)
        case "recall":
            return acts.Recall(**request, reason=reason)
        case "ask_information":
            return acts.AskInformation(**request, question="what is this for?")
        case "give_information":
            return acts.GiveInformation(**request, answer=reason)
        case "retry":
            return acts.Retry(**step)
        case "skip":
            return acts.Skip(**step, reason=reason, outputs=_outputs(state, wait, supply))
        case "complete_by_hand":
            return acts.CompleteByHand(**step, evidence=reason, outputs=_outputs(state, wait, supply))
        case "answer":
            return acts.Answer(
                **step, question=wait.question, choice=offer.choice, reason=reason,
                to_stage=_stage_of(state, wait) if offer.choice == "send_back" else "",
            )  # fmt: skip
        case "resubmit":
            return acts.Resubmit(**common)
        case "end":
            return acts.EndDeal(**common, reason=reason)
        case "release":
            return acts.Release(**common)
        case "revise":
            return _revise(state, wait, common, now, supply)
    raise ValueError(f"no act is known for {offer.do!r}")


def missing(state: DealState, wait: Wait) -> list[str]:
    """Return the facts a question or a Wait is about."""
    here = placed(state, wait.step or "")
    if here is None or wait.step is None:
        return []
    if isinstance(here.step, WaitDef) and here.step.until_date is not None:
        return [here.step.until_date]
    if wait.question == "packet":
        packet = state.flow.packets[here.step.packet]  # type: ignore[union-attr]
        return [f.fact for f in packet.fields if f.fact and f.fact not in state.facts]
    return lacking(state, wait.step)


def _revise(state: DealState, wait: Wait, common: dict[str, Any], now: datetime, supply: Supply) -> acts.Revise | None:
    here = placed(state, wait.step or "")
    facts: dict[str, Value] | None = {path: supply(path) for path in missing(state, wait)}
    if wait.kind == "wait" and here is not None and isinstance(here.step, WaitDef) and here.step.until is not None:
        facts = _news(state, here.step.until, supply)
    if not facts:
        return None
    outside = all(state.flow.facts[p].source in (Source.CRM, Source.ERP) for p in facts if p in state.flow.facts)
    source = state.flow.facts[next(iter(facts))].source.value if outside and wait.kind == "wait" else "person"
    if source != "person":
        common = {**common, "by": source}
    return acts.Revise(**common, source=source, at=now, facts=facts)


def _news(state: DealState, until: Rule, supply: Supply) -> dict[str, Value] | None:
    """Return facts by which a Wait is met: what somebody says of them, else the fewest that would do."""
    paths = [path for path in dict.fromkeys(facts_of(until)) if path in state.flow.facts]
    if holds(until, state.facts, state.rates):
        return None  # it is met already; the deal is about to find out
    said = {path: supply(path) for path in paths}
    if holds(until, {**state.facts, **said}, state.rates):
        return said
    return meeting(until, state.facts, state.rates, state.flow.facts, paths)


def _form(state: DealState, step: str | None, supply: Supply) -> dict[str, Any]:
    here = placed(state, step or "")
    path = getattr(here.step, "form", None) if here else None
    if path is None:
        return {}
    known = {p: supply(p) for p in state.flow.facts if p.startswith(f"{path}.")}
    return form_answers(state.flow, path, known)


def _document(state: DealState, wait: Wait) -> str:
    read = state.record(wait.step or "").read.values()
    return next((value.sha256 for value in read if isinstance(value, Digest)), "")


def _outputs(state: DealState, wait: Wait, supply: Supply) -> dict[str, Value]:
    here = placed(state, wait.step or "")
    return {path: supply(path) for path in writes(here.step, state.flow)} if here is not None else {}


def _stage_of(state: DealState, wait: Wait) -> str:
    here = placed(state, wait.step or "")
    return here.stage.name if here is not None else state.flow.stage_names[0]
