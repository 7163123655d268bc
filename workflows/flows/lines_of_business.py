"""What every line of business of ours shares: which line a deal belongs to, and the date its customer was promised.

The CRM's property `line_of_business` decides which flow takes a deal. A deal without it is managed services.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from workflows.flows.facts import Facts
from workflows.language import CRM, Fact, Ordered, fact


class LineOfBusiness(StrEnum):
    """What we sell; the CRM's choices."""

    MANAGED_SERVICES = "managed_services"
    MANUFACTURING = "manufacturing"
    SAAS = "saas"
    CONSTRUCTION = "construction"
    FINANCIAL_SERVICES = "financial_services"


class LineFacts(Facts):
    """The facts of the company, and those by which its lines of business are told apart."""

    line_of_business: Fact[LineOfBusiness] = fact(CRM)
    promised_go_live: Ordered[date] = fact(CRM, label="the date the customer was promised")
