"""What an onboarding is laid out from: the plan of its packet, the people who do it, what was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from models.calendar import CalendarSpec
from models.calls import PrepareOnboarding
from models.onboarding import Begin, Condition
from models.people import Directory, M
from models.plan import PlanTemplate
from models.values import Day, Value

GO_LIVE_AFTER_CLOSE = timedelta(days=60)
"""What is promised when the deal's fact `promised_go_live` names no date: two months after the close date."""


def begin(
    asked: PrepareOnboarding, plans: Sequence[PlanTemplate], directory: Directory[M], calendar: CalendarSpec
) -> Begin:
    """Return what the accepted deal's onboarding begins from; a packet without a plan of its own gets the first."""
    plan = next((each for each in plans if each.name == asked.packet), plans[0])
    owners = {role: people[0] for role in {task.owner for task in plan.tasks} if (people := directory.having(role))}
    return Begin(
        id=asked.deal.replace("deal/", "onboarding/", 1),
        deal_id=asked.deal,
        account=str(asked.facts.get("account", "")),
        title=str(asked.facts.get("title", "")),
        manager=asked.accepted_by,
        plan=plan,
        calendar=calendar,
        promised_go_live=_promised(asked.facts),
        conditions=tuple(Condition(text=text, owner=asked.accepted_by) for text in asked.conditions),
        owners=dict(sorted(owners.items())),
        project=str(asked.facts.get("project", "")),
    )


def _promised(facts: Mapping[str, Value]) -> date | None:
    named, close = facts.get("promised_go_live"), facts.get("close_date")
    if isinstance(named, Day):
        return named.v
    return close.v + GO_LIVE_AFTER_CLOSE if isinstance(close, Day) else None
