"""The facts of a subscription: whose data, where it lies, whose terms, and when it starts."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, Field

from workflows.flows.lines_of_business import LineFacts
from workflows.language import CRM, HIGHER, PERSON, Answers, Fact, Ordered, fact


class DataRegion(StrEnum):
    """Where the customer's data lies."""

    EU = "eu"
    US = "us"
    OTHER = "other"


class SecurityAnswers(BaseModel):
    """What we answered to the customer's security questionnaire."""

    questions: int = Field(title="Questions answered")
    gaps: int = Field(title="Gaps", description="controls the customer asks for and we do not have")
    single_sign_on: bool = Field(default=False, title="Single sign-on", description="The customer requires it")
    remarks: str = Field(default="", title="Remarks")


class Tenant(BaseModel):
    """The customer's own place in the product."""

    address: str = Field(title="Address", description="such as corvane.example.com")
    administrator: str = Field(title="Administrator", description="mail address of the customer's first administrator")


class SaasFacts(LineFacts):
    """What our policies for subscriptions look at."""

    data_region: Fact[DataRegion] = fact(CRM, label="where the data lies")
    personal_data: Fact[bool] = fact(CRM, label="whether personal data is processed")
    redlines: Ordered[int] = fact(CRM, worse=HIGHER, label="how many of our terms the customer changes")
    starts_on: Ordered[date] = fact(CRM, label="the first day of the subscription")
    security_answers: Answers[SecurityAnswers] = fact(PERSON)
    tenant: Answers[Tenant] = fact(PERSON)


deal = SaasFacts.paths()
