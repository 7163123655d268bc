"""Halden Managed IT, the company of the demo: its people, where they are reached, and the customers it sells to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from activities.pricing import Product, shipped_book
from models.quote import Charge


@dataclass(frozen=True)
class Employee:
    """Somebody of the company; the id is the first name."""

    name: str
    title: str
    roles: tuple[str, ...]
    manager: str | None = "vera"

    @property
    def id(self) -> str:
        return self.name.split(maxsplit=1)[0].lower()

    @property
    def mail(self) -> str:
        return f"{self.id}@halden.example"

    @property
    def slack(self) -> str:
        """A member id as Slack makes them: the same for the same person."""
        return "U0" + hashlib.sha256(self.mail.encode()).hexdigest()[:9].upper()


PEOPLE = (
    Employee("Dana Whitlock", "Account executive", ("account_executive", "sales")),
    Employee("Joel Marsh", "Deal desk", ("deal_desk",)),
    Employee("Vera Lindqvist", "Managing director", ("vp_sales", "ceo", "general_counsel"), None),
    Employee("Noor Halvorsen", "Finance", ("finance",), "daniel"),
    Employee("Daniel Reyes", "Chief financial officer", ("cfo", "delivery_head")),
    Employee("Hanna Voss", "Legal", ("legal",)),
    Employee("Hiro Tanabe", "Security", ("security",), "sofia"),
    Employee("Sofia Lindahl", "Head of security", ("security", "ciso")),
    Employee("Marco Ilves", "Delivery manager", ("delivery_manager", "operations"), "daniel"),
    Employee("Iris Castell", "Sales operations", ("sales_ops", "admin")),
)
BY_ID = {person.id: person for person in PEOPLE}
OWNER, DELIVERY, OPERATIONS = BY_ID["dana"], BY_ID["marco"], BY_ID["iris"]
ZONE, COUNTRY = "America/Chicago", "US"
CLOSES_IN = timedelta(days=21)


@dataclass(frozen=True)
class Customer:
    """A company that buys, and who signs for it."""

    name: str
    domain: str
    signer: str

    @property
    def mail(self) -> str:
        return f"{self.signer.lower().replace(' ', '.')}@{self.domain}"


@dataclass(frozen=True)
class Sale:
    """A deal as its owner enters it in the CRM."""

    customer: Customer
    title: str
    seats: int
    discount: int
    data_class: str = "internal"
    payment_days: int = 30
    months: int = 36
    sites: int = 0
    terabytes: int = 0
    with_onboarding: bool = True
    extra: tuple[dict[str, str], ...] = ()
    goals: str = "One partner for every workplace, with somebody who answers at night"

    def _sold(self) -> list[tuple[Product, int]]:
        wanted = {"managed-workplace": self.seats, "managed-network": self.sites, "backup-recovery": self.terabytes}
        products = {product.sku: product for product in shipped_book().products}
        sold = [(products[sku], count) for sku, count in wanted.items() if count]
        return [*sold, (products["onboarding-migration"], 1)] if self.with_onboarding else sold

    def entered(self) -> dict[str, object]:
        """Return it as the HubSpot sandbox takes a deal that a person enters."""
        lines = [_line(product, quantity, self.months) for product, quantity in self._sold()]
        properties = {
            "discount_percent": str(self.discount), "payment_days": str(self.payment_days),
            "term_months": str(self.months), "data_class": self.data_class, "goals": self.goals,
            "closedate": f"{datetime.now(UTC) + CLOSES_IN:%Y-%m-%d}T00:00:00Z", "signatory_email": self.customer.mail,
        }  # fmt: skip
        return {
            "name": self.title, "company": self.customer.name, "domain": self.customer.domain, "owner": OWNER.mail,
            "contact": self.customer.mail, "lines": [*lines, *self.extra], "properties": properties,
        }  # fmt: skip


def _line(product: Product, quantity: int, months: int) -> dict[str, str]:
    line = {
        "sku": product.sku, "name": product.name, "quantity": str(quantity), "price": str(product.list),
        "cost": str(product.cost),
    }  # fmt: skip
    return line | {"recurring": "monthly", "months": str(months)} if product.charge is Charge.MONTHLY else line


CORVANE = Customer("Corvane Logistics", "corvane.example", "Ada Corvane")
BIG_SALE = Sale(CORVANE, "Corvane Logistics, managed services for all sites", seats=370, discount=35, terabytes=30)
"""About 500,000 with 35 % discount and a margin under 22 %: everybody is asked."""
