"""HubSpot's records as they travel, and what they mean to us."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation

from pydantic import BaseModel, ConfigDict, Field

from connectors.contract import CrmCompany, CrmContact, CrmLineItem

DEAL = (
    "dealname",
    "dealstage",
    "pipeline",
    "amount",
    "deal_currency_code",
    "hubspot_owner_id",
    "closedate",
    "dealtype",
)
COMPANY = ("name", "domain", "country", "city", "industry", "phone", "numberofemployees")
CONTACT = ("firstname", "lastname", "email", "jobtitle", "phone")
LINE_ITEM = (
    "name",
    "hs_sku",
    "quantity",
    "price",
    "discount",
    "hs_discount_percentage",
    "hs_cost_of_goods_sold",
    "recurringbillingfrequency",
    "hs_recurring_billing_period",
    "hs_product_id",
    "description",
)


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Associated(_Wire):
    id: str
    type: str = ""


class NextPage(_Wire):
    after: str


class Paging(_Wire):
    next: NextPage | None = None


class Association(_Wire):
    results: list[Associated]
    paging: Paging | None = None


class Record(_Wire):
    id: str
    properties: dict[str, str | None]
    updated_at: datetime = Field(alias="updatedAt")
    url: str | None = None
    associations: dict[str, Association] = {}

    def text(self, name: str) -> str | None:
        return self.properties.get(name) or None

    def filled(self) -> dict[str, str]:
        return {name: value for name, value in self.properties.items() if value}

    def number(self, name: str) -> Decimal | None:
        """Return a number property, None when empty or not a number (HubSpot lets calculated fields say "NaN")."""
        try:
            found = Decimal(self.properties.get(name) or "")
        except InvalidOperation:
            return None
        return found if found.is_finite() else None


class Page(_Wire):
    results: list[Record]
    paging: Paging | None = None


class Owner(_Wire):
    email: str | None = None


class To(_Wire):
    to_object_id: str = Field(alias="toObjectId", coerce_numbers_to_str=True)


class FromTo(_Wire):
    to: list[To]
    paging: Paging | None = None


class AssociationPage(_Wire):
    results: list[FromTo]


class Property(_Wire):
    name: str
    hubspot_defined: bool = Field(False, alias="hubspotDefined")


class Properties(_Wire):
    results: list[Property]


def company(record: Record) -> CrmCompany:
    return CrmCompany(
        id=record.id,
        name=record.text("name") or record.text("domain") or f"company {record.id}",
        domain=record.text("domain"),
        country=record.text("country"),
        properties=record.filled(),
    )


def contact(record: Record) -> CrmContact:
    name = " ".join(part for part in (record.text("firstname"), record.text("lastname")) if part)
    return CrmContact(
        id=record.id,
        name=name or record.text("email") or f"contact {record.id}",
        email=record.text("email"),
        title=record.text("jobtitle"),
        properties=record.filled(),
    )


def line_item(record: Record) -> CrmLineItem:
    price = record.number("price") or Decimal(0)
    return CrmLineItem(
        id=record.id,
        sku=record.text("hs_sku") or record.text("hs_product_id") or record.id,
        name=record.text("name") or f"line {record.id}",
        quantity=record.number("quantity") or Decimal(1),
        unit_price=price,
        unit_cost=record.number("hs_cost_of_goods_sold"),
        discount=_discount(record, price),
        recurring=record.text("recurringbillingfrequency"),
        months=_months(record.text("hs_recurring_billing_period")),
        properties=record.filled(),
    )


def _discount(record: Record, price: Decimal) -> Decimal | None:
    """Return per cent; HubSpot keeps either a percentage or an amount off one unit, never both."""
    percentage, off = record.number("hs_discount_percentage"), record.number("discount")
    if percentage is not None or not off or not price:
        return percentage
    return off * 100 / price


def _months(period: str | None) -> int | None:
    found = re.fullmatch(r"P(?:(\d+)Y)?(?:(\d+)M)?", period or "")
    if not found or not any(found.groups()):
        return None
    return int(found[1] or 0) * 12 + int(found[2] or 0)
