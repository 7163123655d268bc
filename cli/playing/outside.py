"""Asks every outside system itself what it holds of a deal, and says where that is not exactly one of each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cli.playing.company import BY_ID, OPERATIONS
from cli.playing.script import Cast, Part
from cli.playing.vendors import Record


@dataclass(frozen=True)
class Held:
    """One thing that must be there once: what was found, and what is wrong with it."""

    system: str
    thing: str
    found: int
    wanted: int
    url: str = ""
    wrong: str = ""

    @property
    def fault(self) -> str:
        """Why this is not as it must be; empty when it is."""
        if self.found != self.wanted:
            return f"{self.system} holds {self.found} of {self.thing}, not {self.wanted}"
        return f"{self.system}, {self.thing}: {self.wrong}" if self.wrong else ""


@dataclass(frozen=True)
class Ours:
    """What Throughline's own doors say of the deal, to hold the others against."""

    deal: Mapping[str, Any]
    effects: tuple[Record, ...]
    documents: tuple[Record, ...]
    journal: tuple[Record, ...]
    onboardings: tuple[Record, ...]
    plan: Mapping[str, Any]

    @classmethod
    def read(cls, cast: Cast, part: Part) -> Ours | None:
        """Return it, None while there is no onboarding yet."""
        reader, deal = cast.person(OPERATIONS.id), f"/api/deals/hubspot/{part.deal}"
        plan = reader.read(f"/api/onboardings/hubspot/{part.deal}")
        if plan is None:
            return None
        return cls(
            deal=reader.read(deal),
            effects=tuple(reader.read(f"{deal}/effects")),
            documents=tuple(reader.read(f"{deal}/documents")),
            journal=journal(cast, part),
            onboardings=tuple(each for each in reader.read("/api/onboardings") if each["deal_id"] == part.id),
            plan=plan,
        )

    def effect(self, step: str) -> Record:
        return next((each for each in self.effects if each["step"] == step), {})


def journal(cast: Cast, part: Part) -> tuple[Record, ...]:
    """Return the deal's whole journal."""
    found: list[Record] = []
    after: int | None = 0
    while after is not None:
        address = f"/api/deals/hubspot/{part.deal}/journal"
        page = cast.person(OPERATIONS.id).read(address, after=str(after), limit="200")
        found, after = ([*found, *page["entries"]], page["next"]) if page else (found, None)
    return tuple(found)


def ask(cast: Cast, part: Part, ours: Ours) -> list[Held]:
    """Return everything the outside holds of the deal."""
    return [
        *_erp(cast, part, ours), *_project_tool(cast, ours), *_contract(cast, ours), *_crm(cast, part, ours),
        *_told(cast, part, ours),
    ]  # fmt: skip


def _erp(cast: Cast, part: Part, ours: Ours) -> Iterator[Held]:
    account = part.sale.customer.name
    customers = [c for c in cast.vendors.held("ERPNext", "Customer") if c["customer_name"] == account]
    yield Held("ERPNext", f"customer {account}", len(customers), 1, cast.vendors.page("ERPNext"))
    orders = [o for o in cast.vendors.held("ERPNext", "Sales Order") if o.get("po_no") == part.deal]
    wrong = ""
    for order in orders:
        if order["docstatus"] != 1:
            wrong = f"{order['name']} is not submitted"
        elif Decimal(str(order["grand_total"])) != Decimal(ours.deal["amount"]):
            wrong = f"{order['name']} is over {order['grand_total']}, the quote over {ours.deal['amount']}"
    url = str(ours.effect("call:create_sales_order").get("external_url") or "")
    yield Held("ERPNext", "sales order", len(orders), 1, url, wrong)


def _project_tool(cast: Cast, ours: Ours) -> Iterator[Held]:
    made = ours.effect("call:create_project")
    projects = [p for p in cast.vendors.held("Redmine", "projects") if ours.deal["id"] in _words(p["description"])]
    yield Held("Redmine", "project", len(projects), 1, str(made.get("external_url") or ""))
    ids = {project["id"] for project in projects}
    issues = Counter(i["subject"] for i in cast.vendors.held("Redmine", "issues") if i["project"]["id"] in ids)
    tasks = Counter(task["name"] for task in ours.plan["tasks"])
    wrong = ", ".join(sorted((issues - tasks) + (tasks - issues)))
    total = issues.total()
    wrong = f"not one each: {wrong}" if wrong else ""
    yield Held("Redmine", "issues, one per plan row", total, tasks.total(), wrong=wrong)


def _contract(cast: Cast, ours: Ours) -> Iterator[Held]:
    signed = [entry for entry in ours.journal if entry["kind"] == "signed"]
    address = "/documents/" + str(next(iter(ours.documents), {}).get("sha256_pdf"))
    document = cast.person(OPERATIONS.id).get(address)
    same = document.is_success and address.endswith(hashlib.sha256(document.content).hexdigest())
    url = cast.url + address
    yield Held("Throughline", "signed SOW", len(signed), 1, url, "" if same else "the document is not what was signed")
    running = [each for each in ours.onboardings if each["state"] == "running"]
    url = f"{cast.url}/{ours.plan['id']}"
    yield Held("Throughline", "running onboarding", len(running), 1, url)


def _crm(cast: Cast, part: Part, ours: Ours) -> Iterator[Held]:
    record = next((d for d in cast.vendors.held("HubSpot", "deals") if d["id"] == part.deal), None)
    properties = record["properties"] if record else {}
    url = cast.vendors.page("HubSpot", f"#deals-{part.deal}")
    same = [d for d in cast.vendors.held("HubSpot", "deals") if d["id"] == part.deal and not d["archived"]]
    yield Held("HubSpot", "deal", len(same), 1, url)
    for name, value in written_back(ours).items():
        has = properties.get(name) or ""
        wrong = "" if has == value else f"says {has!r}, Throughline {value!r}"
        yield Held("HubSpot", name, int(bool(has)), int(bool(value)), url, wrong)


def written_back(ours: Ours) -> dict[str, str]:
    """Return the fields the CRM is told, as they must stand there now."""
    plan = ours.plan
    return {
        "throughline_stage": ours.deal["stage"],
        "throughline_status": ours.deal["status"],
        "throughline_phase": plan["phase"],
        "throughline_go_live": plan["promised_go_live"] or "",
        "throughline_forecast_go_live": plan["forecast_go_live"] or "",
        "throughline_risk": plan["risk"] or "",
    }


def _told(cast: Cast, part: Part, ours: Ours) -> Iterator[Held]:
    """One mail and one message per person, request, round and channel: as many as were owed, each there once."""
    for system, channel, kind in (("Mail", "mail", "mails"), ("Slack", "slack", "messages")):
        wanted = set(_owed(cast, part, channel))
        sent = {e["step"].removeprefix("outbound:"): e for e in ours.effects if e["step"].startswith("outbound:")}
        sent = {row: e for row, e in sent.items() if row.endswith(f"|{channel}")}
        found = cast.vendors.held(system, kind)
        counts = Counter(row for row in wanted for each in found if _is(each, row, sent.get(row, {})))
        wrong = [f"{row}: {counts[row]} there" for row in sorted(wanted) if counts[row] != 1]
        wrong += [f"{row}: nobody was asked" for row in sorted(set(sent) - wanted)]
        yield Held(system, f"{channel} per person, request and round", counts.total(), len(wanted),
                   cast.vendors.page(system), "; ".join(wrong))  # fmt: skip


def _owed(cast: Cast, part: Part, channel: str) -> Iterator[str]:
    for asked in cast.asked.values():
        if asked.id.startswith(f"{part.id}|"):
            yield from (f"{asked.id}|{person}|{channel}" for person in asked.people if person in BY_ID)
    if channel == "mail":
        yield f"{part.id}|signature:sow|1|{part.sale.customer.mail}|mail"


def _is(message: Record, row: str, effect: Record) -> bool:
    return bool(message.get("key") == row or message.get("message_id", "") == effect.get("external_id", "-"))


def _words(text: str) -> list[str]:
    return [word.strip(".,") for word in text.split()]
