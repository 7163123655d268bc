"""What can be done about each thing a deal waits for: the buttons of its page, and nothing that would be refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.acts import CHOICES
from models.deal import DealState, Question, Record, placed
from models.flow import ApprovalDef, CallDef, HandoffDef, SignatureDef, Step, StepId, TaskDef
from models.refusals import signed_later


class Offer(BaseModel):
    """An act that advances the deal."""

    model_config = ConfigDict(frozen=True)
    do: str
    label: str
    choice: str = ""


CHOICE_LABELS = {
    "keep": "Keep it as it is",
    "undo": "Undo it outside",
    "redo": "Undo it and do it again",
    "by_hand": "It was changed by hand",
    "again": "Ask again",
    "continue": "Go on",
    "send_back": "Send back",
    "end": "End the deal",
    "once_more": "Allow one more round",
    "waive": "Pass with a reason",
}
_INCIDENT = (
    Offer(do="retry", label="Try again"),
    Offer(do="complete_by_hand", label="Done by hand"),
    Offer(do="skip", label="Pass with a reason"),
)


def requests(step: Step, record: Record) -> tuple[Offer, ...]:
    """Return how an open request can be answered."""
    if record.inquiry is not None and not record.inquiry.answer:
        return (Offer(do="give_information", label="Answer the question"),)
    match step:
        case ApprovalDef():
            return (
                Offer(do="decide", label="Approve", choice="approve"),
                Offer(do="decide", label="Reject", choice="reject"),
                Offer(do="decide", label="Ask changes", choice="ask_changes"),
                Offer(do="ask_information", label="Ask information"),
            )
        case HandoffDef():
            return (
                Offer(do="decide", label="Accept", choice="accept"),
                Offer(do="decide", label="Accept with conditions", choice="accept_with_conditions"),
                Offer(do="decide", label="Send back to sales", choice="reject"),
            )
        case TaskDef():
            return (Offer(do="complete", label="Complete"),)
        case SignatureDef():
            return (Offer(do="sign", label="Sign"), Offer(do="recall", label="Recall"))
    return (Offer(do="revise", label="Set the fact it waits for"),)


def remedies(state: DealState, step_id: StepId, record: Record) -> tuple[Offer, ...]:
    """Return what can be done about an incident: an answer of people's own cannot be passed or done for them."""
    here = placed(state, step_id)
    people = here is not None and isinstance(here.step, ApprovalDef | SignatureDef | HandoffDef)
    unknown = record.incident is not None and record.incident.unknown
    people = people or (here is not None and signed_later(state, here.step))
    possible = _INCIDENT[:1] if people else _INCIDENT[:2] if unknown else _INCIDENT
    return possible if state.hold is None else tuple(offer for offer in possible if offer.do != "retry")


def answers_to(state: DealState, question: Question) -> tuple[Offer, ...]:
    """Return how a question can be answered."""
    choices = [c for c in CHOICES[question.kind] if c not in _impossible(state, question)]
    offers = tuple(Offer(do="answer", label=CHOICE_LABELS[c], choice=c) for c in choices)
    if question.kind in ("missing", "packet"):
        return (Offer(do="revise", label="Fill in what is missing"), *offers)
    return offers


def _impossible(state: DealState, question: Question) -> tuple[str, ...]:
    """Return the choices nobody could carry out now: undoing what has no undo, or anything outside during a hold."""
    here = placed(state, question.step)
    spec = state.flow.actions.get(here.step.action) if here and isinstance(here.step, CallDef) else None
    undoable = spec is not None and spec.undo != "none" and state.hold is None
    return () if undoable else ("undo", "redo")
