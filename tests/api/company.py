"""Builders of the company the doors are tested with: people, deals in different places, everything beside them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from activities.documents import load_templates
from activities.journal import append
from activities.template_specs import template_specs
from api.auth import hashed
from connectors.database import Database
from models.calendar import business_days
from models.flow import FlowDef, ParallelDef
from models.journal import JournalEntry
from models.tables.content import Content
from models.tables.deals import Deal
from models.tables.documents import Document, Signing
from models.tables.effects import EffectRow
from models.tables.flows import FlowVersion
from models.tables.inbound import InboundCounter, InboundEvent
from models.tables.onboarding import Onboarding, OnboardingTask
from models.tables.people import Person
from models.tables.requests import Request
from workflows.library import load as load_flows

NOW = datetime.now(UTC).replace(microsecond=0)
SIGN_TOKEN = "sign-corvane-0123456789abcdef"
SOW = b"<!doctype html><html lang='en'><title>SOW</title><h1>Statement of work</h1><p>180 seats, 4 sites.</p></html>"
PDF = b"%PDF-1.7 a statement of work"
FLOW = "managed-services"
TOKENS = {hashed(f"token-of-{person}"): person for person in ("dana", "joel", "noor", "marco", "iris", "hiro", "vera")}


def managed_services() -> FlowDef:
    """The shipped flow that all deals of the company follow."""
    library = load_flows(templates=template_specs(load_templates()))
    return next(flow for flow in library.every if flow.name == FLOW)


def quicker_security() -> FlowDef:
    """A version 2 of it in which security has 3 days and legal is no longer asked."""
    flow = managed_services()
    review = flow.stages[1]
    _, finance, security = review.nodes[0].branches
    quick = security.patience.model_copy(update={"within": business_days(3)})
    fewer = ParallelDef(branches=(finance, security.model_copy(update={"patience": quick})))
    stages = (flow.stages[0], review.model_copy(update={"nodes": (fewer,)}), *flow.stages[2:])
    return FlowDef(**{**dict(flow), "stages": stages, "version": 2})


def person(
    name: str, title: str, roles: list[str], manager: str | None = "vera", zone: str = "America/Chicago"
) -> Person:
    slug = name.split(maxsplit=1)[0].lower()
    return Person(
        id=slug, name=name, email=f"{slug}@halden.example", title=title, roles=roles, manager=manager, zone=zone
    )


PEOPLE = [
    person("Dana Whitlock", "Account executive", ["account_executive", "sales"]),
    person("Joel Marsh", "Deal desk", ["deal_desk"]),
    person("Vera Lindqvist", "Managing director", ["vp_sales", "ceo", "general_counsel"], None),
    person("Noor Halvorsen", "Finance", ["finance"]),
    person("Daniel Reyes", "Chief financial officer", ["cfo", "delivery_head"]),
    person("Hanna Voss", "Legal", ["legal"]),
    person("Hiro Tanabe", "Security", ["security"]),
    person("Sofia Lindahl", "Security lead", ["security", "ciso"]),
    person("Marco Ilves", "Delivery manager", ["delivery_manager", "operations"]),
    person("Iris Castell", "Sales operations", ["sales_ops", "admin"]),
]


def station(step: str, title: str, stage: str, state: str, **more: Any) -> dict[str, Any]:
    kind, _, name = step.partition(":")
    return {"step": step, "kind": kind, "name": name, "title": title, "stage": stage, "state": state, **more}


def path(discount: str, finance: str, after: str) -> list[dict[str, Any]]:
    """The path of managed services, up to where the given states say."""
    return [
        station("call:price_quote", "Price quote", "quote", "done", notes=["v5, 16 Nov"]),
        station("approval:discount", "Discount", "quote", discount, notes=["Joel Marsh"]),
        station(
            "approval:deep-discount",
            "Deep discount",
            "quote",
            "skipped",
            rule="discount 18 % not > 30 %, margin 24.6 % not < 22 %",
        ),
        station("render:sow", "Render SOW", "quote", "done" if discount == "done" else "next"),
        station(
            "approval:legal",
            "Legal",
            "review",
            "done" if discount == "done" else "next",
            lane=0,
            lanes=3,
            notes=["Hanna Voss, 6 Nov"],
        ),
        station(
            "approval:finance",
            "Finance",
            "review",
            finance,
            lane=1,
            lanes=3,
            notes=["Noor Halvorsen", "due in 4 hours"],
        ),
        station("approval:security", "Security", "review", finance, lane=2, lanes=3, notes=["1 of 2 answered"]),
        station("signature:sow", "Signature", "contract", after, notes=["within 14 days"]),
        station("call:create_sales_order", "Sales order", "closed-won", after, lane=0, lanes=2),
        station("call:create_project", "Project", "closed-won", after, lane=1, lanes=2),
        station("handoff:managed-services", "Handoff", "handoff", after, notes=["within 1 day"]),
    ]


def deal(number: str, account: str, amount: str, **more: Any) -> Deal:
    known: dict[str, Any] = {
        "id": f"deal/hubspot/{number}",
        "source": "hubspot",
        "source_id": number,
        "title": f"{account}, managed services",
        "account": account,
        "owner": "dana",
        "flow": FLOW,
        "flow_version": 1,
        "flow_digest": "d" * 64,
        "stage": "review",
        "status": "running",
        "amount": Decimal(amount),
        "discount": Decimal(18),
        "margin": Decimal("24.6"),
        "facts": {
            "amount": {"t": "money", "amount": amount, "currency": "USD"},
            "discount": {"t": "percent", "value": "18"},
            "payment_days": {"t": "whole", "v": 60},
            "owner": {"t": "text", "v": "dana"},
        },
        "path": path("done", "now", "next"),
        "crm_url": f"http://127.0.0.1:1/contacts/1/deal/{number}",
        "seq": 20,
        "opened_at": NOW - timedelta(days=9),
        "changed_at": NOW - timedelta(minutes=int(number) % 50),
        "stage_since": NOW - timedelta(days=1, hours=12),
    }
    return Deal(**{**known, **more})


def wait(request: Request, acts: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "id": request.id,
        "kind": request.kind,
        "step": request.step,
        "title": request.title,
        "reason": request.reason,
        "who": request.who,
        "waiting_on": list(request.people),
        "since": request.opened_at.isoformat(),
        "due": request.due_at.isoformat() if request.due_at else None,
        "next": {"at": request.escalates_at.isoformat(), "what": f"{request.escalates_to} is asked too"}
        if request.escalates_at
        else None,
        "acts": acts,
        "late": False,
    }


def request(owner: Deal, step: str, title: str, people: list[str], **more: Any) -> Request:
    known: dict[str, Any] = {
        "id": f"{owner.id}|{step}|1",
        "deal_id": owner.id,
        "step": step,
        "kind": "approval",
        "title": title,
        "reason": "margin 24.6 % < 28 %",
        "people": people,
        "who": "finance",
        "opened_at": NOW - timedelta(hours=30),
        "due_at": NOW + timedelta(hours=20),
        "escalates_at": NOW + timedelta(hours=20),
        "escalates_to": "Daniel Reyes (CFO)",
    }
    return Request(**{**known, **more})


APPROVAL_BODY = {
    "question": "accept 24.6 % margin and 60 days to pay?",
    "lead": "Finance review of quote v5, managed services for 180 seats and 4 sites over 36 months.",
    "asked_by": "Dana Whitlock",
    "facts": [
        {"label": "Amount, 36 months", "value": "$409,108", "note": "was $399,130 when you answered"},
        {"label": "Margin", "value": "24.6 %", "note": "3.4 points under 28 %", "tone": "due"},
        {"label": "Discount", "value": "18.0 %", "note": "deal desk signed 20 %", "tone": "ok"},
        {"label": "Payment terms", "value": "60 days", "note": "15 days over 45", "tone": "due"},
    ],
    "rule": {
        "text": "margin 24.6 % < 28 % or payment days 60 > 45",
        "joined_by": "or",
        "terms": [{"text": "margin 24.6 % < 28 %"}, {"text": "payment days 60 > 45"}],
    },
    "why": "You hold the role finance. You did not request, edit or price this quote, so you may answer.",
    "follows": {
        "yes": "Finance is done. Review still needs one more security answer; then Corvane gets the SOW to sign.",
        "no": "Back to stage quote, rework 2 of 3. Dana reads your reason.",
        "silence": "Daniel Reyes (CFO) is asked too. Nothing is approved by silence.",
    },
    "answers": [
        {"person": "Joel Marsh", "what": "Deal desk, signed discount up to 20 %", "state": "approved", "tone": "ok"},
        {"person": "Noor Halvorsen", "what": "Finance", "state": "your turn", "tone": "now"},
    ],
    "difference": {
        "since": "Mon 9 Nov you asked for changes on quote v3.",
        "changes": [
            {"label": "Payment terms", "was": "90 days", "now": "60 days", "note": "as you asked", "tone": "ok"}
        ],
    },
    "documents": [{"name": "sow", "version": 3, "sha256": hashlib.sha256(PDF).hexdigest()}],
    "stages": ["quote"],
}
FORM = {
    "type": "object",
    "properties": {
        "seats": {"type": "integer", "title": "Seats"},
        "region": {"title": "Region", "enum": ["midwest", "south"]},
        "contact": {"type": "string", "title": "Site contact"},
    },
    "required": ["seats", "contact"],
}
PACKET = {
    "title": "What operations need to know",
    "percent": 88,
    "entries": [
        {"label": "Goal", "value": "One provider before the lease ends"},
        {"label": "Scope", "value": "95 seats, 3 sites"},
        {"label": "Site contact", "value": "", "complete": False},
    ],
    "missing": [{"label": "Site contact", "complete": False, "step_hint": "who lets us in at Elgin?"}],
}


@dataclass
class Company:
    """The rows, by table; `load` writes them in order."""

    deals: list[Deal] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    rest: list[Any] = field(default_factory=list)


def company() -> Company:
    """Return the company: one deal in review, one of each other kind of request, one won with an onboarding."""
    corvane = deal("5012345", "Corvane Logistics", "409107.84")
    meridale = deal("5012346", "Meridale Clinics", "612300")
    stuck = deal("5012347", "Lindqvist Tool & Die", "264300", incidents=1)
    packed = deal("5012348", "Halden Medical Group", "286400", stage="handoff", path=path("done", "done", "now"))
    back = deal("5012349", "Brockway Foods", "120000", stage="quote", path=path("now", "next", "next"))
    asked = deal("5012350", "Vantor Labs", "411900")
    held = deal("5012351", "Tessaly Foods", "97000", status="hold")
    won = deal(
        "5012352",
        "Oakhaven Housing",
        "176200",
        status="won",
        stage="handoff",
        ended_at=NOW - timedelta(days=3),
        path=path("done", "done", "done"),
        delivery={"phase": "Build", "go_live": {"t": "day", "v": "2027-01-15"}},
    )
    requests = [
        request(corvane, "approval:finance", "Finance review", ["noor"], body=APPROVAL_BODY),
        request(corvane, "approval:security", "Security review", ["hiro", "sofia"], who="2 of security"),
        request(meridale, "approval:finance", "Finance review", ["noor"], due_at=NOW - timedelta(hours=2)),
        request(
            stuck,
            "call:create_sales_order",
            "Sales order was refused",
            ["iris"],
            kind="incident",
            body={
                "error": "ERPNext refused: item SVC-1 is disabled",
                "outputs_needed": [{"path": "order_no", "type": "text", "label": "Order number"}],
            },
        ),
        request(
            packed, "handoff:managed-services", "Accept the handoff", ["marco"], kind="handoff", body={"packet": PACKET}
        ),
        request(
            back,
            "stage:quote",
            "Revise the quote",
            ["dana"],
            kind="revise",
            reason="finance rejected: 90 days is too long",
        ),
        request(back, "task:site-survey", "Survey the site", ["dana"], kind="task", body={"form": FORM}),
        request(
            asked,
            "approval:security",
            "Data class is missing",
            ["dana"],
            kind="question",
            reason="data class is not known",
            body={
                "missing": [
                    {"path": "data_class", "type": "text", "label": "Data class", "options": ["public", "restricted"]}
                ]
            },
        ),
        request(
            won,
            "approval:finance",
            "Finance review",
            [],
            state="closed",
            outcome="approved",
            answered_by="noor",
            closed_at=NOW - timedelta(days=4),
        ),
    ]
    for owner in (corvane, meridale, stuck, packed, back, asked):
        own = [r for r in requests if r.deal_id == owner.id]
        owner.waits = [wait(r, [{"do": "decide", "label": f"{r.people[0].capitalize()} answers"}]) for r in own]
        owner.waiting_on = sorted({p for r in own for p in r.people})
    return Company(
        [corvane, meridale, stuck, packed, back, asked, held, won], requests, [*_papers(corvane), *_delivery(won)]
    )


def _papers(owner: Deal) -> list[Any]:
    html, pdf = hashlib.sha256(SOW).hexdigest(), hashlib.sha256(PDF).hexdigest()
    return [
        Content(sha256=html, media="text/html", name="sow.html", bytes=SOW, created_at=NOW),
        Content(sha256=pdf, media="application/pdf", name="sow.pdf", bytes=PDF, created_at=NOW),
        Document(
            id=f"{owner.id}|render:sow|3",
            deal_id=owner.id,
            name="sow",
            version=3,
            sha256_pdf=pdf,
            sha256_html=html,
            template="sow/managed_services",
            template_hash="t" * 64,
            at=NOW - timedelta(days=1),
        ),
        Signing(
            token_hash=hashed(SIGN_TOKEN),
            deal_id=owner.id,
            step="signature:sow",
            round=1,
            document_sha256=pdf,
            signer_name="Miles Garrity",
            signer_email="miles@corvane.example",
            opened_at=NOW - timedelta(hours=2),
            expires_at=NOW + timedelta(days=14),
        ),
        EffectRow(
            key=f"{owner.id}|call:create_customer|1",
            deal_id=owner.id,
            step="call:create_customer",
            revision=1,
            system="ERPNext",
            connector="erpnext",
            duplicate_safety="B",
            state="confirmed",
            body_hash="b" * 64,
            external_id="CUST-0412",
            external_url="http://127.0.0.1:1/app/customer/CUST-0412",
            intended_at=NOW - timedelta(days=1),
            confirmed_at=NOW - timedelta(days=1),
        ),
        InboundEvent(
            source="hubspot",
            event_key="e-1",
            kind="changed",
            object_id="5012345",
            occurred_at=NOW,
            received_at=NOW,
            raw=b'[{"eventId":1}]',
            state="relayed",
            not_before=NOW,
            deal_id=owner.id,
        ),
        InboundEvent(
            source="hubspot",
            event_key="e-2",
            kind="unreadable",
            object_id="",
            occurred_at=NOW,
            received_at=NOW,
            raw=b"{not json",
            state="rejected",
            reason="the body is not JSON",
            not_before=NOW,
        ),
        InboundCounter(source="hubspot", what="forged", count=3),
        FlowVersion(
            digest="d" * 64,
            name=FLOW,
            version=1,
            first_seen_at=NOW - timedelta(days=30),
            definition=managed_services().model_dump(mode="json"),
        ),
        FlowVersion(
            digest="e" * 64,
            name=FLOW,
            version=2,
            first_seen_at=NOW - timedelta(days=2),
            definition=quicker_security().model_dump(mode="json"),
        ),
    ]


def _delivery(owner: Deal) -> list[Any]:
    name = "onboarding/hubspot/5012352"
    day = date(2026, 12, 1)
    return [
        Onboarding(
            id=name,
            deal_id=owner.id,
            account=owner.account,
            title=owner.title,
            manager="marco",
            phase="Build",
            promised_go_live=date(2027, 1, 15),
            forecast_go_live=date(2027, 1, 19),
            tasks_total=4,
            tasks_done=1,
            blocked=1,
            risk="Switch order blocked by the vendor; float used up",
            since=NOW - timedelta(days=3),
        ),
        *(
            OnboardingTask(
                onboarding_id=name,
                task=task,
                name=title,
                phase=phase,
                owner=owner_,
                side=side,
                state=state,
                after=after,
                start=day,
                due=day + timedelta(days=4),
                baseline_due=day + timedelta(days=2),
                **more,
            )
            for task, title, phase, owner_, side, state, after, more in (
                ("kick-off", "Kick-off", "Discovery", "marco", "us", "done", [], {"done_at": NOW}),
                ("survey", "Site survey", "Discovery", "marco", "customer", "started", ["kick-off"], {}),
                (
                    "order",
                    "Hardware order",
                    "Build",
                    "marco",
                    "vendor",
                    "blocked",
                    ["survey"],
                    {"blocked_reason": "supplier is inactive", "blocked_side": "vendor"},
                ),
                ("identity", "Tenant and identity", "Build", "hiro", "us", "ready", ["kick-off"], {}),
            )
        ),
    ]


async def load(database: Database, rows: Company) -> None:
    """Write the company and a journal for its first deal."""
    async with database.write() as session:
        session.add_all([*PEOPLE_COPIES(), *rows.deals])
        await session.flush()
        session.add_all([*rows.requests, *rows.rest])
    told = [
        ("Deal started by HubSpot, flow managed-services v1", "started", "hubspot"),
        ("Quote v5 issued", "revised", "dana"),
        ("Joel Marsh approved discount", "approved", "joel"),
        ("Finance and security asked", "asked", "system"),
    ]
    entries = [
        JournalEntry(seq=i, at=NOW - timedelta(hours=40 - i), who=who, kind=kind, text=text)
        for i, (text, kind, who) in enumerate(told, 1)
    ]
    back = {"to_stage": "quote", "reasons": ["finance rejected: margin too thin"]}
    entries.insert(
        3,
        JournalEntry(
            seq=5,
            at=NOW - timedelta(hours=37),
            who="throughline",
            kind="rework",
            text="sent back to quote: finance rejected: margin too thin",
            body=back,
        ),
    )
    async with database.write() as session:
        await append(session, rows.deals[0].id, entries)


def PEOPLE_COPIES() -> list[Person]:  # noqa: N802
    return [Person(**p.model_dump()) for p in PEOPLE]
