"""What a change to a deal would come to before it is made: whose answer stands, who is asked, how long it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter

from api import queries, supporting
from api.acting import new_key
from api.auth import Caller
from api.deals import EVERYWHERE, deal_id_of
from api.gateway import NotRunning, Unreachable
from api.parts import Asking, Parts, With
from api.problems import Problem, responses
from api.shapes import PreviewChange, PreviewLine, PreviewWhole, Slug, SourceId
from api.supporting import Usual
from models.acts import Revise
from models.deal import DealState
from models.preview import Line, Preview, preview
from models.refusals import refusal
from models.values import Value

router = APIRouter(prefix="/api/deals", tags=["deals"])
ANEW = frozenset({"asked again", "asked", "shown anew"})
"""What sends somebody a request they do not have now, or shows them theirs with other content."""
TAKEN_BACK = frozenset({"asked again", "void", "signed again", "asked of the owner"})
"""What undoes something people have already said or were asked."""


@dataclass(frozen=True)
class Previewed:
    """A preview, and what the deal is now."""

    state: DealState
    preview: Preview


@router.post(
    "/{source}/{source_id}/preview",
    responses=responses(*EVERYWHERE, "unknown_deal", "invalid", "ended", "temporal_down", "worker_down"),
)
async def preview_change(
    source: Slug, source_id: SourceId, change: PreviewChange, parts: With, caller: Asking
) -> PreviewWhole:
    """Say who would be asked and whose answer would stand if these facts changed. Nothing is changed by asking."""
    deal_id = deal_id_of(source, source_id)
    found = await previewed(parts, caller, deal_id, change.facts, change.unset)
    async with parts.database.read() as session:
        usual = await supporting.usual(session, found.state.flow.name, parts.now())
    lines = [_line(each, usual) for each in found.preview.lines]
    return PreviewWhole(deal=deal_id, fingerprint=found.preview.fingerprint, held=found.preview.held, lines=lines)


async def previewed(
    parts: Parts, caller: Caller, deal_id: str, facts: Mapping[str, Value], unset: Iterable[str] = ()
) -> Previewed:
    """Return what a change would come to now. Raises Problem, for a fact that may not be set with its field."""
    async with parts.database.read() as session:
        deal = await queries.deal(session, deal_id)
        if deal is None:
            raise Problem("unknown_deal", f"There is no deal {deal_id.removeprefix('deal/')}.")
    if deal.ended_at is not None:
        raise Problem("ended")
    try:
        state = await parts.gateway.state(deal_id)
    except NotRunning as gone:
        raise Problem("ended") from gone
    except Unreachable as silent:
        raise Problem("worker_down" if silent.worker else "temporal_down", str(silent)) from silent
    now = parts.now()
    act = None
    if facts or tuple(unset):
        act = Revise(
            key=new_key(), by=caller.id, channel="api", source="person", at=now, facts=dict(facts), unset=tuple(unset)
        )
        no = refusal(state, act, now)
        if no is not None:
            field = no.details.get("field")
            raise Problem("invalid", no.message, **({"field": field} if field else {}))
    return Previewed(state, preview(state, act, now))


def _line(line: Line, usual: Mapping[str, Usual]) -> PreviewLine:
    told = PreviewLine.model_validate(line, from_attributes=True)
    known = usual.get(line.step)
    if known is None:
        return told
    return told.model_copy(
        update={"usual_hours": round(known.hours, 1), "slow_hours": round(known.slow, 1), "answers": known.answers}
    )
