"""What somebody of a rehearsal does about what a deal waits for: which offer they take, by their habits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.approval import open_parties
from models.asking import Group
from models.deal import DealState, placed
from models.flow import ApprovalDef
from models.offers import Offer
from models.progress import Wait
from models.reading import reading
from workflows.rehearsal.people import Draw, Habit

REASONS: Mapping[str, str] = {
    "reject": "not on these terms", "ask_changes": "the terms need another look",
    "decline": "the customer wants other terms", "give_information": "it is as agreed with the customer",
    "skip": "it cannot be done now and must not hold up the deal", "complete_by_hand": "done by hand outside",
    "end": "no agreement was reached", "ask_information": "what was agreed with the customer?",
}  # fmt: skip
_SUITS: Mapping[str, tuple[str, ...]] = {
    "decide": ("send_back", "again", "end"), "exhausted": ("once_more", "end"), "ending": ("end", "continue"),
    "differs": ("by_hand", "redo", "keep"), "surplus": ("undo", "keep"), "packet": ("revise", "waive"),
    "missing": ("revise",),
}  # fmt: skip
_TIRED = 8
"""How often somebody tries to mend the same step before they give it up."""
_OFTEN = 2
"""How often somebody tries the same way out before they take another."""


def chosen(state: DealState, wait: Wait, habit: Habit, draw: Draw, before: int) -> Offer | None:
    """Return what somebody does about a wait; `before` is how often this step has been helped before."""
    offers = {offer.choice or offer.do: offer for offer in wait.acts}
    match wait.kind:
        case "approval" | "handoff" if "give_information" not in offers:
            return _decided(state, wait, offers, habit, draw)
        case "signature" if "sign" in offers:
            declines = habit.says(draw, asked_before=True) == "no"
            return Offer(do="decline", label="Decline") if declines else offers["sign"]
        case "incident" if before >= _TIRED:
            return None
        case "incident":
            order: Sequence[str] = ("retry",) if before < _OFTEN else ("complete_by_hand", "skip", "retry")
        case "question":
            suits = _SUITS.get(wait.question, ())
            order = suits if before < _OFTEN else suits[::-1]
        case _:
            order = ()
    return next((offers[each] for each in order if each in offers), next(iter(wait.acts), None))


def enough(state: DealState, wait: Wait, at_it: int) -> bool:
    """Return whether so many people are at an answer already that nobody else needs to begin."""
    here = placed(state, wait.step or "")
    wanted = 1
    if here is not None and isinstance(here.step, ApprovalDef):
        record = state.record(wait.step or "")
        parties = open_parties(here.step, record, reading(here.step, wait.step or "", state), state)
        wanted = sum(who.need if isinstance(who, Group) else 1 for who in parties)
    return at_it >= wanted


def _decided(state: DealState, wait: Wait, offers: Mapping[str, Offer], habit: Habit, draw: Draw) -> Offer | None:
    asked_before = state.record(wait.step or "").inquiry is not None
    said = habit.says(draw, asked_before=asked_before)
    word = {"no": "reject", "yes": "accept" if wait.kind == "handoff" else "approve"}.get(said, said)
    return offers.get(word) or offers.get("approve") or offers.get("accept") or next(iter(wait.acts), None)
