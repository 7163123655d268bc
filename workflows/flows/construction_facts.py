"""The facts of a building contract: the site, who builds, what is bonded, permitted, paid when and held back."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, Field

from workflows.flows.lines_of_business import LineFacts
from workflows.language import CRM, HIGHER, PERSON, Answers, Fact, Ordered, Percent, fact


class PaymentSchedule(StrEnum):
    """When the customer pays."""

    MILESTONES = "milestones"
    MONTHLY = "monthly"
    COMPLETION = "completion"


class Award(StrEnum):
    """What became of our bid."""

    WON = "won"
    LOST = "lost"


class SiteInspection(BaseModel):
    """What the site manager saw."""

    site_address: str = Field(title="Address of the site")
    access: str = Field(title="Access", description="how lorries and a crane reach it")
    hazardous: bool = Field(default=False, title="Hazardous material", description="Asbestos, lead or polluted ground")
    ground_water: bool = Field(default=False, title="Ground water", description="Above the level of the foundation")


class Remediation(BaseModel):
    """How hazardous material leaves the site."""

    contractor: str = Field(title="Contractor", description="who is licensed to do it")
    working_days: int = Field(title="Working days")


class Subcontracts(BaseModel):
    """What the trades we do not have ourselves have bid."""

    trades: str = Field(title="Trades")
    bids: int = Field(title="Bids", description="for the trade with the fewest")
    binding_until: date = Field(title="Binding until", description="the earliest of them")


class BidBond(BaseModel):
    """The surety that goes with a public bid."""

    number: str = Field(title="Number")
    surety: str = Field(title="Surety")
    expires_on: date = Field(title="Expires on")


class Insurance(BaseModel):
    """The certificates without which nobody may enter the site."""

    policy: str = Field(title="Policy")
    valid_until: date = Field(title="Valid until")


class ConstructionFacts(LineFacts):
    """What our policies for building contracts look at."""

    public_tender: Fact[bool] = fact(CRM, label="whether it is a public tender")
    award: Fact[Award] = fact(CRM, label="what became of our bid")
    permit_needed: Fact[bool] = fact(CRM, label="whether it needs a building permit")
    building_permit: Fact[str] = fact(CRM, label="the number of the building permit")
    street_permit: Fact[str] = fact(CRM, label="the number of the permit to use the street")
    works_start: Ordered[date] = fact(CRM, label="the day the works begin")
    subcontracted: Ordered[Percent] = fact(CRM, worse=HIGHER, label="share built by subcontractors")
    payment_schedule: Fact[PaymentSchedule] = fact(CRM, guardrail=True)
    retention: Ordered[Percent] = fact(CRM, worse=HIGHER, guardrail=True, label="share held back until acceptance")
    inspection: Answers[SiteInspection] = fact(PERSON)
    remediation: Answers[Remediation] = fact(PERSON)
    subcontracts: Answers[Subcontracts] = fact(PERSON)
    bond: Answers[BidBond] = fact(PERSON)
    insurance: Answers[Insurance] = fact(PERSON)


deal = ConstructionFacts.paths()
