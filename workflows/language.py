"""The twelve words a flow is written in, and all that stands beside them. They build plain data.

No author code runs inside a workflow: a flow file is imported once, and what it built travels with the deal.
"""

from __future__ import annotations

from models.calendar import Span, business_days, business_hours, days, hours, minutes
from models.facts import (
    CRM,
    DIFFERENT,
    ERP,
    HIGHER,
    LOWER,
    PERSON,
    STEP,
    Answers,
    DealFacts,
    Each,
    Fact,
    Ordered,
    fact,
)
from models.money import Money, Percent, percent, usd
from models.pinned import PacketField, PacketSpec
from models.values import Digest
from workflows.doing import Call, Render, Subflow, Wait
from workflows.parameters import (
    APPROVE,
    CONTINUE,
    ESCALATE,
    EXPIRE,
    REJECT,
    calendar,
    cancelled,
    customer,
    group,
    lost,
    managers,
    owner,
    person,
    pick,
    row,
    table,
    won,
)
from workflows.requests import Approval, Handoff, Signature, Task
from workflows.structure import Flow, Parallel, Stage, When

__all__ = [
    "APPROVE",
    "CONTINUE",
    "CRM",
    "DIFFERENT",
    "ERP",
    "ESCALATE",
    "EXPIRE",
    "HIGHER",
    "LOWER",
    "PERSON",
    "REJECT",
    "STEP",
    "Answers",
    "Approval",
    "Call",
    "DealFacts",
    "Digest",
    "Each",
    "Fact",
    "Flow",
    "Handoff",
    "Money",
    "Ordered",
    "PacketField",
    "PacketSpec",
    "Parallel",
    "Percent",
    "Render",
    "Signature",
    "Span",
    "Stage",
    "Subflow",
    "Task",
    "Wait",
    "When",
    "business_days",
    "business_hours",
    "calendar",
    "cancelled",
    "customer",
    "days",
    "fact",
    "group",
    "hours",
    "lost",
    "managers",
    "minutes",
    "owner",
    "percent",
    "person",
    "pick",
    "row",
    "table",
    "usd",
    "won",
]  # fmt: skip
