"""Whether an act may be done now: checked before anything is recorded, changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models import acts
from models.approval import counts, may_answer, open_parties
from models.asking import who_key, who_words
from models.deal import DealState, Receipt, Status, base, placed
from models.flow import ApprovalDef, CallDef, HandoffDef, RenderDef, SignatureDef, Step, SubflowDef, TaskDef, writes
from models.forms import FormError, answers
from models.moves import Gate
from models.reading import missing_inputs, reading
from models.refused import Refusal, already, asked_of_me, known_request, needs, out_of_date, owner_only, request
from models.refused_steering import steering_refusal
from models.turn import title
from models.values import Reading
from models.walk import undecided, walk


def refusal(state: DealState, act: acts.Act, now: datetime | None = None) -> Refusal | None:
    """Return why `act` is refused at this moment, or None when it will be accepted."""
    repeated = state.answered.get(act.key)
    if repeated is not None:
        return already(repeated)
    if state.ended and act.do != "revise":
        return Refusal("ended", f"the deal has ended ({state.ending}); nothing more can be done on it")
    if state.ending is not None and act.do not in ("revise", "retry", "skip", "complete_by_hand"):
        return Refusal("ended", f"the deal is ending ({state.ending}); it waits only for work already under way")
    match act:
        case acts.Decide():
            return _decide(state, act)
        case acts.Complete():
            return request(state, act, TaskDef) or asked_of_me(state, act) or _form(state, act.step, act.form)
        case acts.Sign() | acts.Decline():
            return _sign(state, act)
        case acts.AskInformation():
            return (
                request(state, act, ApprovalDef | HandoffDef)
                or asked_of_me(state, act)
                or _asked_already(state, act)
                or needs(act.question, "question")
            )
        case acts.GiveInformation():
            return _inquiry(state, act)
        case acts.Recall():
            return request(state, act, ApprovalDef | SignatureDef | HandoffDef) or owner_only(state, act)
        case acts.Comment():
            return known_request(state, act) or needs(act.text, "comment")
        case acts.PeopleChanged():
            return None
        case acts.Reassign() | acts.AddApprover() | acts.Nudge() | acts.Override() | acts.Undo():
            return steering_refusal(state, act, now)
        case acts.Resubmit():
            return _resubmit(state, act)
        case acts.EndDeal() | acts.Cancel():
            return needs(act.reason, "reason")
        case acts.HoldDeal():
            again = Refusal("held", "the deal is on hold already; release it first") if state.hold else None
            return again or needs(act.reason, "reason")
        case acts.Release():
            return None if state.hold else Refusal("closed", "the deal is not on hold, so there is nothing to release")
        case acts.Revise():
            return _revise(state, act)
        case acts.Retry() | acts.ChangeInput() | acts.Skip() | acts.CompleteByHand():
            return _incident(state, act)
        case acts.Answer():
            return _answer(state, act)


def _decide(state: DealState, act: acts.Decide) -> Refusal | None:
    found = request(state, act, ApprovalDef | HandoffDef) or asked_of_me(state, act)
    if found is not None:
        return found
    here = placed(state, act.step)
    assert here is not None, act.step
    verdicts = {"approve", "reject", "ask_changes"}
    if isinstance(here.step, HandoffDef):
        verdicts = {"accept", "accept_with_conditions", "reject"}
    if act.verdict not in verdicts:
        return Refusal("invalid", f"{title(act.step)} can be answered with {', '.join(sorted(verdicts))}")
    if act.verdict in ("reject", "ask_changes") and not act.reason.strip():
        return Refusal("reason_needed", "say why: the owner reads it", {"field": "reason"})
    if act.verdict == "accept_with_conditions" and not act.conditions:
        return Refusal("invalid", "name at least one condition; each becomes a task", {"field": "conditions"})
    if act.to_stage and act.to_stage not in _earlier(state, here.stage.name):
        return Refusal(
            "invalid", f"send it back to one of {', '.join(_earlier(state, here.stage.name))}", {"field": "to_stage"}
        )
    if isinstance(here.step, ApprovalDef):
        return _approval(state, act, here.step)
    return _commitment(state, act.step) if act.verdict != "reject" else None


def _approval(state: DealState, act: acts.Decide, step: ApprovalDef) -> Refusal | None:
    record = state.record(act.step)
    now = reading(step, act.step, state)
    given = [d for d in record.decisions if d.person == act.by and d.round == act.round]
    mine = [d for d in given if counts(d, record, now, step.covered)]  # one that no longer counts may be given anew
    if mine:
        said = f"{title(act.step)}: you answered {mine[-1].verdict}"
        return already(Receipt(outcome=mine[-1].verdict, message=said, seq=state.seq, by=act.by, at=mine[-1].at))
    stale = out_of_date(record, step, act.edition, act.verdict)
    if stale is not None:
        return stale
    why = may_answer(step, act.by, record, state)
    if why:
        return Refusal("not_allowed", why)
    return _turn_of(state, act, step, now) or (_form(state, act.step, act.form) if act.verdict == "approve" else None)


def _turn_of(state: DealState, act: acts.Decide, step: ApprovalDef, now: Reading) -> Refusal | None:
    """Refuse whose turn has not come, or whose party has answered already."""
    record = state.record(act.step)
    waiting = open_parties(step, record, now, state)
    if any(act.by in record.asked.get(who_key(who), ()) for who in waiting):
        return None
    mine = {party for party, people in record.asked.items() if act.by in people}
    spoken = [d for d in record.decisions if counts(d, record, now, step.covered) and mine & set(d.parties)]
    if spoken:
        last = spoken[-1]
        said = f"{title(act.step)}: {last.person} answered {last.verdict}"
        return already(Receipt(outcome=last.verdict, message=said, seq=state.seq, by=last.person, at=last.at))
    first = " and ".join(who_words(who) for who in waiting) or "nobody"
    return Refusal("not_yours", f"{title(act.step)} waits for {first} first; you are asked after that")


def _asked_already(state: DealState, act: acts.AskInformation) -> Refusal | None:
    inquiry = state.record(act.step).inquiry
    if inquiry is None or inquiry.answer:
        return None
    return Refusal("closed", f"{inquiry.by} has asked already: {inquiry.question}; wait for the owner's answer")


def _sign(state: DealState, act: acts.Sign | acts.Decline) -> Refusal | None:
    found = request(state, act, SignatureDef)
    if found is not None or isinstance(act, acts.Decline):
        return found
    record = state.record(act.step)
    asked = [getattr(value, "sha256", "") for value in record.read.values()]
    if act.document not in asked:
        return Refusal("stale", "the document has changed since this link was sent; a new link is on its way")
    return _commitment(state, act.step)


def _commitment(state: DealState, step: str) -> Refusal | None:
    """A signature or acceptance counts only while everything before it is settled (semantics 8, 28)."""
    if state.hold is not None:
        return None  # parked until the deal is released
    gate = walk(state.flow, state).gates.get(step, Gate.CLEAR)
    if gate is Gate.PEOPLE:
        return Refusal("stale", "something before this request is asked again; wait for the new one")
    return None


def _inquiry(state: DealState, act: acts.GiveInformation) -> Refusal | None:
    found = request(state, act, ApprovalDef | HandoffDef)
    if found is not None:
        return found
    inquiry = state.record(act.step).inquiry
    if inquiry is None or inquiry.answer:
        return Refusal("closed", "no information is asked for here")
    return owner_only(state, act) or needs(act.answer, "answer")


def _resubmit(state: DealState, act: acts.Resubmit) -> Refusal | None:
    if state.revise is None:
        return Refusal("closed", "the deal was not sent back, so there is nothing to resubmit")
    if state.revise.exhausted:
        return Refusal("held", "the rework is used up; the owner's manager decides first: once more, or end")
    return owner_only(state, act)


def _revise(state: DealState, act: acts.Revise) -> Refusal | None:
    if act.source != "person":
        return None
    for path in (*act.facts, *act.unset):
        spec = state.flow.facts.get(path)
        if spec is None:
            return Refusal("invalid", f"this flow has no fact {path!r}", {"field": path})
        if spec.source == "step" and path not in asked_for(state):
            return Refusal(
                "not_allowed", f"{path} is worked out by a step; change what it is made from", {"field": path}
            )
        value = act.facts.get(path)
        if value is not None and value.t != spec.type:
            return Refusal("invalid", f"{path} is a {spec.type}, not a {value.t}", {"field": path})
    return None


def asked_for(state: DealState) -> set[str]:
    """Return the facts that open questions miss; a person may supply these, whoever else would have written them."""
    found: set[str] = set()
    for question in state.questions.values():
        here = placed(state, question.step)
        if question.kind == "missing" and here is not None:
            found.update(undecided(here.step, here.rules, state))
            if isinstance(here.step, CallDef | SubflowDef):
                found.update(missing_inputs(here.step, question.step, state))
    return found


def _incident(state: DealState, act: acts.Retry | acts.ChangeInput | acts.Skip | acts.CompleteByHand) -> Refusal | None:
    record = state.record(act.step)
    here = state.flow.steps.get(base(act.step))
    if here is None:
        return Refusal("unknown_step", f"this deal has no step {act.step!r}")
    if record.state is not Status.INCIDENT or record.incident is None:
        return Refusal("closed", f"{title(act.step)} is not stuck any more; reload the page")
    if state.hold is not None and not isinstance(act, acts.Skip | acts.CompleteByHand):
        return Refusal("held", "the deal is on hold; release it first, then try again")
    if record.incident.unknown and isinstance(act, acts.Skip | acts.ChangeInput):
        return Refusal(
            "not_allowed", "whether it happened outside is not known; look there, then complete it by hand or retry"
        )
    people = isinstance(here.step, ApprovalDef | SignatureDef | HandoffDef)
    if people and isinstance(act, acts.Skip | acts.CompleteByHand | acts.ChangeInput):
        return Refusal(
            "not_allowed", f"{title(act.step)} needs an answer of its own; see to it that somebody can, then retry"
        )
    if signed_later(state, here.step) and isinstance(act, acts.Skip | acts.CompleteByHand):
        return Refusal(
            "not_allowed", "somebody signs this document, so it has to be made; correct what stops it, then try again"
        )
    if isinstance(act, acts.Skip):
        return needs(act.reason, "reason") or _outputs(state, here.step, act.outputs)
    if isinstance(act, acts.CompleteByHand):
        return needs(act.evidence, "evidence") or _outputs(state, here.step, act.outputs)
    if isinstance(act, acts.ChangeInput):
        known = here.step.inputs if isinstance(here.step, CallDef) else {}
        wrong = [name for name in act.inputs if name not in known]
        return (
            Refusal("invalid", f"{title(act.step)} has no input {wrong[0]!r}", {"field": wrong[0]}) if wrong else None
        )
    return None


def signed_later(state: DealState, step: Step) -> bool:
    """Return whether a step makes a document that somebody is to sign."""
    steps = (each.step for each in state.flow.steps.values())
    return isinstance(step, RenderDef) and any(
        isinstance(other, SignatureDef) and other.document == step.document for other in steps
    )


def _outputs(state: DealState, step: Step, given: dict[str, Any]) -> Refusal | None:
    """Facts only this step can supply must come with a skip when something reads them (semantics 47)."""
    missing = [p for p in writes(step, state.flow) if p not in given and p not in state.facts]
    if not missing:
        return None
    return Refusal(
        "invalid", f"give the facts this step would have written: {', '.join(missing)}", {"missing": missing}
    )


def _answer(state: DealState, act: acts.Answer) -> Refusal | None:
    question = state.questions.get(f"{act.step}?{act.question}")
    if question is None:
        return Refusal("closed", "this question is no longer asked; reload the deal")
    allowed = acts.CHOICES[question.kind]
    if act.choice not in allowed:
        return Refusal(
            "invalid", f"choose one of {', '.join(allowed) or 'the missing facts instead'}", {"field": "choice"}
        )
    here = placed(state, act.step)
    if act.choice == "send_back" and here and act.to_stage not in _earlier(state, here.stage.name):
        return Refusal(
            "invalid", f"send it back to one of {', '.join(_earlier(state, here.stage.name))}", {"field": "to_stage"}
        )
    spec = state.flow.actions.get(here.step.action) if here and isinstance(here.step, CallDef) else None
    if act.choice in ("undo", "redo") and (spec is None or spec.undo == "none"):
        return Refusal(
            "not_allowed", f"{title(act.step)} cannot be undone by us; undo it outside and choose by hand or keep"
        )
    if state.hold is not None and act.choice in ("undo", "redo"):
        return Refusal("held", "the deal is on hold; release it first")
    return needs(act.reason, "reason") if act.choice in ("keep", "waive", "by_hand", "end", "continue") else None


def _earlier(state: DealState, stage: str) -> tuple[str, ...]:
    names = state.flow.stage_names
    return names[: names.index(stage) + 1]


def _form(state: DealState, step_id: str, given: dict[str, Any]) -> Refusal | None:
    here = placed(state, step_id)
    path = getattr(here.step, "form", None) if here else None
    if path is None:
        return None
    try:
        answers(state.flow, path, given)
    except FormError as error:
        return Refusal("invalid", str(error), {"field": error.field})
    return None
