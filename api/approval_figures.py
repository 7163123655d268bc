"""How approvals go, from the journal: how long each approver takes, what was reversed, which rules never hear a no."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from connectors.database import ReadSession
from models.calendar import Working, between

ENOUGH = 5
"""How many requests a rule must have put before "always" says anything."""

# One row per answer of a person. It was asked when the request opened, or when a later entry first named this person;
# times in which the request's clock stood still (a question, a hold) are taken off, however they overlap.
_ANSWERS = """
with given as (
    select j.deal_id, j.step, j.round, j.position, j.who, j.at, d.flow, r.opened_at, j.body->'signed' as signed,
           j.body->>'verdict' = 'approve' as yes, coalesce(j.body->>'on_behalf_of', '') <> '' as for_another
    from journal j
    join deal d on d.id = j.deal_id
    join request r on r.id = j.deal_id || '|' || j.step || '|' || j.round
    where j.kind = 'decided' and j.step like 'approval:%' and j.at >= :since and (:flow = '' or d.flow = :flow)
), answered as (
    select g.*, coalesce(named.at, g.opened_at) as asked_at, later.kind = 'undone answer' as taken_back,
           later.kind = 'decided' and later.yes <> g.yes and later.signed = g.signed as changed,
           exists (
               select from journal o where o.deal_id = g.deal_id and o.step = g.step and o.round = g.round
               and o.kind = 'overridden' and o.position > g.position and (o.body->>'verdict' = 'approve') <> g.yes
           ) as overruled
    from given g
    left join lateral (
        select min(n.at) as at from journal n
        where n.deal_id = g.deal_id and n.step = g.step and n.round = g.round and n.position < g.position and (
            n.kind = 'escalated' and n.body->'people' ? g.who or n.kind = 'reassigned' and n.body->>'to' = g.who
            or n.kind = 'approver added' and n.body->>'person' = g.who
            or n.kind = 'people' and n.body->'stands_in' ? g.who
        )
    ) named on true
    left join lateral (
        select l.kind, l.body->>'verdict' = 'approve' as yes, l.body->'signed' as signed from journal l
        where l.deal_id = g.deal_id and l.step = g.step and l.who = g.who and l.position > g.position
        and l.kind in ('decided', 'undone answer') order by l.position limit 1
    ) later on true
), timed as (
    select a.*, coalesce(taken_back, false) or coalesce(changed, false) or overruled as reversed, ran.spans, ran.seconds
    from answered a
    cross join lateral (
        select range_agg(tstzrange(b.at, coalesce(e.at, a.at))) as times
        from journal b
        left join lateral (
            select min(f.at) as at from journal f
            where f.deal_id = b.deal_id and f.position > b.position and f.step is not distinct from b.step
            and f.kind = case b.kind when 'hold' then 'released' else 'information given' end
        ) e on true
        where b.deal_id = a.deal_id and b.position < a.position and b.at < a.at and (
            b.kind = 'hold' or b.kind = 'information asked' and b.step = a.step and b.round = a.round
        )
    ) stood
    cross join lateral (
        select coalesce(sum(extract(epoch from upper(span) - lower(span))), 0) as seconds,
               coalesce(jsonb_agg(jsonb_build_array(extract(epoch from lower(span)), extract(epoch from upper(span)))
                   order by span), '[]') as spans
        from unnest(
            tstzmultirange(tstzrange(least(a.asked_at, a.at), a.at)) - coalesce(stood.times, '{}'::tstzmultirange)
        ) as span
    ) ran
)
"""
_PEOPLE = """
select who, count(*), count(*) filter (where yes), count(*) filter (where for_another),
       count(*) filter (where reversed), percentile_cont(0.5) within group (order by seconds),
       percentile_cont(0.9) within group (order by seconds)
from timed group by grouping sets ((who), ())
"""
_SPANS = """
select who, spans from timed
"""
# A request says yes when nobody's standing answer was a no. What was taken back does not count; silence and an
# override do, and are told apart for ever.
_RULES = """
, said as (
    select flow, deal_id, step, round, opened_at, at, yes, reversed, false as silent, false as overridden
    from timed where taken_back is not true
    union all
    select d.flow, j.deal_id, j.step, j.round, r.opened_at, j.at, j.body->>'verdict' = 'approve', false,
           j.kind = 'silence', j.kind = 'overridden'
    from journal j
    join deal d on d.id = j.deal_id
    join request r on r.id = j.deal_id || '|' || j.step || '|' || j.round
    where j.kind in ('silence', 'overridden') and j.step like 'approval:%' and j.at >= :since
    and (:flow = '' or d.flow = :flow)
), asked as (
    select flow, split_part(step, '[', 1) as step, bool_and(yes) as yes, bool_or(silent) as silent,
           bool_or(overridden) as overridden, bool_or(reversed) as reversed,
           extract(epoch from max(at) - min(opened_at)) as seconds
    from said group by flow, deal_id, step, round
)
select flow, step, count(*), count(*) filter (where yes), count(*) filter (where silent),
       count(*) filter (where overridden), count(*) filter (where reversed),
       percentile_cont(0.5) within group (order by seconds), sum(seconds)
from asked group by flow, step order by flow, step
"""
_OVERRIDES = """
select j.deal_id, j.step, j.who, j.at, j.text, j.body->>'verdict', coalesce(j.body->>'second', ''), d.account, d.title
from journal j join deal d on d.id = j.deal_id
where j.kind = 'overridden' and j.at >= :since and (:flow = '' or d.flow = :flow)
order by j.at desc limit 50
"""

_ASKED = """
select d.flow, split_part(r.step, '[', 1), count(*), max(r.opened_at)
from request r join deal d on d.id = r.deal_id where r.kind = 'approval' group by 1, 2
"""


class Pace(NamedTuple):
    """How one approver answers; without a person, how all do."""

    person: str
    answers: int
    yes: int
    for_others: int
    reversed: int
    median: timedelta
    slow: timedelta
    """Nine of ten answers came faster."""

    @property
    def reversal(self) -> float:
        """The share of answers that did not stand, in percent."""
        return 100 * self.reversed / self.answers


class Habit(NamedTuple):
    """What one rule's requests came to."""

    flow: str
    step: str
    requests: int
    yes: int
    by_silence: int
    overridden: int
    reversed: int
    median: timedelta
    waited: timedelta
    """All its requests together."""

    @property
    def always(self) -> bool:
        """Whether it never heard a no, often enough to say so."""
        return self.requests >= ENOUGH and self.yes == self.requests


class Overridden(NamedTuple):
    """One decision in place of those asked."""

    deal_id: str
    step: str
    by: str
    at: datetime
    text: str
    verdict: str
    second: str
    account: str
    title: str


class Asked(NamedTuple):
    """How often a rule ever put a request, and when it last did."""

    times: int
    last: datetime


async def paces(
    session: ReadSession, since: datetime, flow: str = "", of: Collection[str] | None = None
) -> tuple[Pace | None, list[Pace]]:
    """Return how all approvers answer together, and each of those asked for, most answers first."""
    rows: Any = await session.execute(text(_ANSWERS + _PEOPLE), {"since": since, "flow": flow})
    found = [
        Pace(who or "", answers, yes, others, reversed_, _span(median), _span(slow))
        for who, answers, yes, others, reversed_, median, slow in rows
        if answers
    ]
    each = [pace for pace in found if pace.person and (of is None or pace.person in of)]
    together = next((pace for pace in found if not pace.person), None)
    return together, sorted(each, key=lambda pace: (-pace.answers, pace.person))


async def worked(
    session: ReadSession, since: datetime, flow: str, hours: Callable[[str, datetime], Working]
) -> dict[str, timedelta]:
    """Return the median of each approver's times to answer, counted in `hours`: a person's own, from an instant on."""
    found: dict[str, list[float]] = {}
    rows: Any = await session.execute(text(_ANSWERS + _SPANS), {"since": since, "flow": flow})
    for who, spans in rows:
        times = [(datetime.fromtimestamp(a, UTC), datetime.fromtimestamp(b, UTC)) for a, b in spans]
        took = (between(hours(who, begin), begin, end) for begin, end in times)
        found.setdefault(who, []).append(sum(took, timedelta()).total_seconds())
    return {who: _span(statistics.median(took)) for who, took in found.items()}


async def habits(session: ReadSession, since: datetime, flow: str = "") -> list[Habit]:
    """Return what the requests of each rule came to, those that always say yes first."""
    rows: Any = await session.execute(text(_ANSWERS + _RULES), {"since": since, "flow": flow})
    found = [Habit._make((*counts, _span(median), _span(waited))) for *counts, median, waited in rows]
    return sorted(found, key=lambda habit: (not habit.always, -habit.requests, habit.flow, habit.step))


async def overrides(session: ReadSession, since: datetime, flow: str = "") -> list[Overridden]:
    """Return what administrators decided in place of those asked, newest first."""
    rows: Any = await session.execute(text(_OVERRIDES), {"since": since, "flow": flow})
    return [Overridden._make(row) for row in rows]


async def asked(session: ReadSession) -> dict[tuple[str, str], Asked]:
    """Return how often each flow's approvals were asked, by flow and step."""
    rows: Any = await session.execute(text(_ASKED))
    return {(flow, step): Asked(times, last) for flow, step, times, last in rows}


def _span(seconds: Any) -> timedelta:
    return timedelta(seconds=round(float(seconds or 0)))
