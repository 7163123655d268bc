"""The facts of a machine: the customer's site, what is built, this week's price of steel, next month's hours."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field

from workflows.flows.lines_of_business import LineFacts
from workflows.language import CRM, HIGHER, LOWER, PERSON, STEP, Answers, Fact, Money, Ordered, fact


class SiteSurvey(BaseModel):
    """What the application engineer finds at the customer's site."""

    site_address: str = Field(title="Address of the site")
    floor_load: int = Field(title="Floor load", description="what the floor carries where the machine stands, in kN/m²")
    power: int = Field(title="Power", description="kW free at the machine's place")
    crane: bool = Field(default=False, title="Crane", description="A crane of 10 t or more reaches the place")
    remarks: str = Field(default="", title="Remarks")


class Configuration(BaseModel):
    """The machine as it will be built, in the words of the ERP."""

    material: str = Field(title="Steel", description="item code in the ERP, such as STEEL-S355")
    tonnes: int = Field(title="Tonnes of it")
    work_center: str = Field(title="Work centre", description="the workstation in the ERP that limits the build")
    machine_hours: int = Field(title="Machine hours", description="hours the build needs on that work centre")
    special: bool = Field(default=False, title="Special build", description="Parts that were never built before")


class CreditCheck(BaseModel):
    """What finance found out about the customer's credit."""

    limit: int = Field(title="Credit limit", description="in US dollars")
    insured: bool = Field(default=False, title="Insured", description="The credit insurer covers the order")


class Deposit(BaseModel):
    """The deposit as it reached our account."""

    received_on: date = Field(title="Received on")
    bank_reference: str = Field(title="Bank reference")


class ManufacturingFacts(LineFacts):
    """What our policies for machines look at."""

    installed_by_us: Fact[bool] = fact(CRM, label="whether we install at the customer's site")
    abroad: Fact[bool] = fact(CRM, label="whether it is delivered to another country")
    survey: Answers[SiteSurvey] = fact(PERSON)
    configuration: Answers[Configuration] = fact(PERSON)
    material_price: Ordered[Money] = fact(STEP, worse=HIGHER, label="steel, per tonne")
    material_price_until: Ordered[date] = fact(STEP, label="the last day of that price")
    machine_hours_left: Ordered[int] = fact(STEP, worse=LOWER, label="machine hours left after this order")
    production_month: Ordered[date] = fact(STEP, label="the first day of the month it is built in")
    credit: Answers[CreditCheck] = fact(PERSON)
    deposit: Answers[Deposit] = fact(PERSON)


deal = ManufacturingFacts.paths()
