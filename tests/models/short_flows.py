"""Steps of the small flows that deals are flown through."""

from __future__ import annotations

from models.values import Text
from workflows.language import (
    Approval,
    Stage,
    business_days,
)

TWO_DAYS = business_days(2)
ACCOUNT = Text(v="Corvane")


def finance(**more):
    return Approval(
        "finance", **{"by": "finance", "within": TWO_DAYS, "escalate_to": "cfo", "on_reject": "one", **more}
    )


def legal(**more):
    return Approval("legal", **{"by": "legal", "within": TWO_DAYS, "escalate_to": "cfo", "on_reject": "one", **more})


def one(*steps, **more):
    return Stage("one", *steps, **more)
