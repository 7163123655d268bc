"""What every refusal is made of: is there such a request, is it this person's, is a reason given."""

from __future__ import annotations

from typing import Any, NamedTuple

from models import acts
from models.approval import difference
from models.deal import DealState, Receipt, Record, Status, placed
from models.flow import ApprovalDef
from models.parties import owners
from models.turn import title


class Refusal(NamedTuple):
    """Why an act is not accepted, and what to do next."""

    code: str
    message: str
    details: dict[str, Any] = {}  # noqa: RUF012 (never changed)


def already(receipt: Receipt) -> Refusal:
    """Answer with the outcome that is recorded already."""
    message = f"already answered: {receipt.message}"
    return Refusal("already_answered", message, receipt.model_copy(update={"repeated": True}).model_dump(mode="json"))


def out_of_date(record: Record, step: ApprovalDef, edition: int, verdict: str) -> Refusal | None:
    """Refuse to sign what got worse since the page was made, and what answers no page of this request."""
    changed = difference(record, step, edition) if verdict == "approve" else {}
    if changed:
        told = ", ".join(f"{name} {then} → {now}" for name, (then, now) in changed.items())
        return Refusal(
            "stale", f"this changed since your page was made: {told}. Look again, then answer.", {"changed": changed}
        )
    if not 0 < edition <= record.edition:
        return Refusal("stale", "this page is not of this request; reload it", {"edition": record.edition})
    return None


def request(state: DealState, act: Any, kind: Any) -> Refusal | None:
    """Refuse what is not about an open request of this kind in its present round."""
    here = placed(state, act.step)
    if here is None or not isinstance(here.step, kind):
        return _unknown(act)
    record = state.record(act.step)
    if record.state is Status.OPEN and record.round == act.round:
        return None
    name = title(act.step)
    if act.round > record.round:  # after a crash the inbox may know a round the deal is only about to open again
        return Refusal("not_ready", f"{name} is just being opened; try again in a moment")
    answered = [d for d in record.decisions if d.round == act.round and not d.by_silence]
    if answered:
        last = answered[-1]
        receipt = Receipt(
            outcome=record.outcome or last.verdict, message=f"{name}: {last.person} answered {last.verdict}",
            seq=state.seq, by=last.person, at=last.at,
        )  # fmt: skip
        return already(receipt)
    stuck = record.incident.message if record.incident is not None else ""
    why = stuck or record.reason or record.outcome or "it is not asked now"
    return Refusal("closed", f"{name} is closed: {why}. Open the deal to see what it waits for.")


def known_request(state: DealState, act: Any) -> Refusal | None:
    """Refuse what is about a request this deal never made."""
    here = placed(state, act.step)
    return None if here is not None and 0 < act.round <= state.record(act.step).round else _unknown(act)


def _unknown(act: Any) -> Refusal:
    return Refusal("unknown_step", f"this deal has no request {act.step!r} to answer; reload the page")


def asked_of_me(state: DealState, act: Any) -> Refusal | None:
    """Refuse whoever is not asked."""
    record = state.record(act.step)
    asked = {person for people in record.asked.values() for person in people}
    if act.by in asked:
        return None
    if not record.resolved:  # the inbox may show a request an instant before the deal knows who is asked
        return Refusal("not_ready", f"{title(act.step)} is just being opened; try again in a moment")
    names = ", ".join(sorted(asked)) or "nobody"
    return Refusal("not_yours", f"{title(act.step)} is asked of {names}, not of you")


def owner_only(state: DealState, act: acts.Act) -> Refusal | None:
    """Refuse everybody but the deal's owner."""
    theirs = {str(state.facts.get("owner", "")), *state.people.get("owner", []), *owners(state)}
    if act.by in theirs:
        return None
    return Refusal(
        "not_yours", f"only the deal's owner can do this: {', '.join(sorted(o for o in theirs if o)) or 'nobody'}"
    )


def needs(text: str, field: str) -> Refusal | None:
    """Refuse an empty text."""
    return None if text.strip() else Refusal("reason_needed", f"a {field} is needed", {"field": field})
