"""The live stream: tells open pages that a deal moved; what moved they read again themselves."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.events import EVERYTHING, Cursor, Moved
from api.parts import Parts, With
from api.problems import responses

router = APIRouter(prefix="/api", tags=["events"])


@router.get(
    "/events", response_class=EventSourceResponse, responses=responses("sign_in_needed", "unreadable", "database_down")
)
async def stream(
    parts: With,
    deal: Annotated[str | None, Query(max_length=160, pattern=r"^[^\x00-\x1f\x7f]*$")] = None,
    since: Annotated[str | None, Query(max_length=40)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterable[ServerSentEvent]:
    """Stream changes as server-sent events: `hello` with where the stream begins, then `moved` for each change.

    `deal` is source/id and narrows the stream to one deal. A page says with `since` where the journal ended when it
    was read, a browser that reconnects names the last event it saw; what happened after that is told at once.
    """
    wanted = f"deal/{deal}" if deal else None
    async with parts.feed.listen() as notices:
        seen = Cursor.parse(last_event_id or since or "")
        yield ServerSentEvent(event="hello", raw_data="{}", id=str(parts.feed.at))
        if seen is not None and parts.feed.missed(seen, wanted):
            yield _event(parts, Moved(deal=wanted or EVERYTHING, position=0, kind="missed"))
        while True:
            notice = await notices.get()
            if wanted is None or notice.moved.deal in {wanted, EVERYTHING}:
                yield ServerSentEvent(event="moved", raw_data=notice.moved.model_dump_json(), id=str(notice.at))


def _event(parts: Parts, moved: Moved) -> ServerSentEvent:
    return ServerSentEvent(event="moved", raw_data=moved.model_dump_json(), id=str(parts.feed.at))
