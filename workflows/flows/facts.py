"""The facts Halden Managed IT keeps about its deals. `deal` is what rules are written with."""

from __future__ import annotations

from enum import StrEnum

from workflows.language import CRM, HIGHER, LOWER, STEP, DealFacts, Fact, Money, Ordered, Percent, fact


class DataClass(StrEnum):
    """How sensitive the customer's data is."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Facts(DealFacts):
    """What our policies look at."""

    discount: Ordered[Percent] = fact(CRM, worse=HIGHER, guardrail=True)
    payment_days: Ordered[int] = fact(CRM, worse=HIGHER, guardrail=True)
    term_months: Ordered[int] = fact(CRM)
    data_class: Fact[DataClass] = fact(CRM)
    goals: Fact[str] = fact(CRM, label="what the customer wants to achieve")
    amount: Ordered[Money] = fact(STEP, guardrail=True)
    margin: Ordered[Percent] = fact(STEP, worse=LOWER, guardrail=True)
    sales_order: Fact[str] = fact(STEP)
    project: Fact[str] = fact(STEP)


deal = Facts.paths()
