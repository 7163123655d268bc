"""What the CRM's record means for a deal's facts, and writing values back to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from activities import content
from activities.lines import MEDIA, Line
from activities.outbound import Delivery
from connectors.contract import Crm, CrmContact, CrmDeal, ExternalRef
from connectors.database import WriteSession
from models.facts import FactSpec, Source
from models.forms import FormError, coerce
from models.money import Money
from models.tables.outbound import Outbound
from models.values import Items, Text, Value

PROPERTIES: Mapping[str, str] = {
    "discount": "discount_percent",
    "payment_days": "payment_days",
    "term_months": "term_months",
    "data_class": "data_class",
    "goals": "goals",
    "close_date": "closedate",
    "signatory": "signatory_email",
}
"""Fact -> property of the CRM's deal. A CRM fact that is not named here reads the property of its own name.

A company changes it with `PROPERTIES = {...}` in the facts.py of its folder.
"""


class CrmFacts(NamedTuple):
    """What one record says: the facts it gives, and those it leaves empty."""

    facts: dict[str, Value]
    unset: tuple[str, ...]


def facts_from_crm(
    record: CrmDeal,
    owners: Mapping[str, str],
    specs: Mapping[str, FactSpec],
    properties: Mapping[str, str] | None = None,
) -> CrmFacts:
    """Return the facts of a record, typed as `specs` declare them; `owners` are person ids by mail address.

    A value that is not of the fact's type counts as empty: the deal then asks for it instead of failing.
    """
    named = {**PROPERTIES, **(properties or {})}
    found = _of_every_deal(record, owners, record.properties.get(named["signatory"], ""))
    for path, spec in specs.items():
        raw = record.properties.get(named.get(path, path), "").strip()
        if path in found or spec.source is not Source.CRM or not raw or "." in path:
            continue
        value = _typed(spec, raw)
        if value is not None:
            found[path] = value
    return CrmFacts(found, tuple(p for p, spec in specs.items() if spec.source is Source.CRM and p not in found))


async def store_lines(session: WriteSession, record: CrmDeal) -> Items:
    """Keep the record's lines by content, which `price_quote` reads, and return them as the fact `lines`."""
    lines = _lines(record)
    for line in lines:
        await content.put(session, line.content, MEDIA, f"line {line.key}")
    return Items(items=tuple(line.item for line in lines))


class WriteBack:
    """Delivers outbound rows of kind "crm": {"object_id": ..., "properties": {...}}."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    def delivery(self) -> Delivery:
        """Return how the sender delivers such a row."""
        manifest = self._crm.manifest
        return Delivery(
            system=manifest.title,
            connector=manifest.name,
            safety=manifest.duplicate_safety["deal_properties"],
            deadline=manifest.deadline,
            commit_lag=manifest.max_commit_lag,
            send=self.send,
        )

    async def send(self, row: Outbound) -> ExternalRef:
        """Write the properties to the deal; writing them again changes nothing."""
        properties = {name: str(value) for name, value in row.body["properties"].items()}
        return await self._crm.write_deal(str(row.body["object_id"]), properties)


def _of_every_deal(record: CrmDeal, owners: Mapping[str, str], signatory: str) -> dict[str, Value]:
    found: dict[str, Value] = {"title": Text(v=record.name)}
    if record.company is not None:
        found["account"] = Text(v=record.company.name)
    if record.owner_email:
        # An address nobody here has is shown as it is; whoever is asked for the deal's owner sees whom to add.
        found["owner"] = Text(v=owners.get(record.owner_email.lower(), record.owner_email))
    signer = _signer(record.contacts, signatory)
    if signer is not None:
        found["signatory"] = Text(v=f"{signer.name} <{signer.email}>")
    if record.line_items:
        found["lines"] = Items(items=tuple(line.item for line in _lines(record)))
    if record.amount is not None:
        found["amount"] = Money(amount=record.amount, currency=record.currency or "USD")
    return found


def _lines(record: CrmDeal) -> list[Line]:
    return [Line.of(item, record.currency) for item in record.line_items]


def _signer(contacts: Iterable[CrmContact], named: str) -> CrmContact | None:
    """Return the contact the deal names as signatory, else the first who can be written to."""
    reachable = [contact for contact in contacts if contact.email]
    chosen = [c for c in reachable if c.email and c.email.lower() == named.strip().lower()]
    return next(iter([*chosen, *reachable]), None)


def _typed(spec: FactSpec, raw: str) -> Value | None:
    try:
        return coerce(spec, _spelt(spec, raw))
    except (FormError, InvalidOperation, ValueError):
        return None


def _spelt(spec: FactSpec, raw: str) -> str:
    """Return a property as forms spell it: a CRM writes 30 as "30.0", a date as an instant, a choice in capitals."""
    if spec.options:
        return next((option for option in spec.options if option.lower() == raw.lower()), raw)
    match spec.type:
        case "whole":
            number = Decimal(raw)
            return str(int(number)) if number == int(number) else raw
        case "day":
            return raw[:10]
        case _:
            return raw
