"""The facts of a credit line: who the customer really is, what we would lose, and what the screening found."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, Field

from workflows.flows.lines_of_business import LineFacts
from workflows.language import CRM, HIGHER, PERSON, Answers, Fact, Money, Ordered, fact


class CountryRisk(StrEnum):
    """How our compliance manual rates the customer's country."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ScreeningResult(StrEnum):
    """What the sanctions lists say."""

    CLEAR = "clear"
    FALSE_POSITIVE = "false positive"
    HIT = "hit"


class KnowYourCustomer(BaseModel):
    """Who the customer is, as the register and the owners' papers say."""

    registered_name: str = Field(title="Registered name")
    register_number: str = Field(title="Register number")
    beneficial_owners: int = Field(title="Beneficial owners", description="people who hold a quarter or more")
    source_of_funds: str = Field(title="Source of funds")


class Screening(BaseModel):
    """One look into the sanctions lists; lists change daily, so the day counts."""

    result: ScreeningResult = Field(title="Result")
    screened_on: date = Field(title="Screened on")
    reference: str = Field(title="Reference", description="number of the search in the screening tool")


class FinalScreening(BaseModel):
    """The same look on the day the money may move."""

    result: ScreeningResult = Field(title="Result")
    screened_on: date = Field(title="Screened on")


class Rating(BaseModel):
    """What the credit analysts make of the customer."""

    grade: int = Field(title="Grade", description="1, the best, to 10")
    collateral: int = Field(title="Collateral", description="lending value in US dollars")


class FinancialFacts(LineFacts):
    """What our policies for credit look at."""

    exposure: Ordered[Money] = fact(CRM, worse=HIGHER, guardrail=True, label="the most the customer may owe us")
    country_risk: Fact[CountryRisk] = fact(CRM)
    politically_exposed: Fact[bool] = fact(CRM, label="whether an owner holds a public office")
    consumer: Fact[bool] = fact(CRM, label="whether the customer is a private person")
    withdrawn_on: Fact[date] = fact(CRM, label="the day the customer withdrew")
    kyc: Answers[KnowYourCustomer] = fact(PERSON)
    screening: Answers[Screening] = fact(PERSON)
    rating: Answers[Rating] = fact(PERSON)
    final_screening: Answers[FinalScreening] = fact(PERSON)


deal = FinancialFacts.paths()
