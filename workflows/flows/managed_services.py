"""Managed services: from a priced quote to an onboarding that operations have accepted."""

from __future__ import annotations

from activities.catalog import create_project, create_sales_order, price_quote
from workflows.flows.facts import deal
from workflows.language import (
    Approval,
    Call,
    Flow,
    Handoff,
    Parallel,
    Render,
    Signature,
    Stage,
    business_days,
    days,
    group,
    percent,
    usd,
)

managed_services = Flow(
    "managed-services",
    Stage(
        "quote",
        Call(price_quote),
        Approval(
            "discount",
            by="deal_desk",
            within=business_days(2),
            escalate_to="vp_sales",
            when=deal.discount > percent(15),
            covers=[deal.discount, deal.margin],
        ),
        Approval(
            "deep-discount",
            by="cfo",
            within=business_days(1),
            escalate_to="ceo",
            when=(deal.discount > percent(30)) | (deal.margin < percent(22)),
        ),
        Render("sow", template="sow/managed_services"),
        on_reject="quote",
    ),
    Stage(
        "review",
        Parallel(
            Approval("legal", by="legal", within=business_days(3), escalate_to="general_counsel"),
            Approval(
                "finance",
                by="finance",
                within=business_days(2),
                escalate_to="cfo",
                when=(deal.margin < percent(28)) | (deal.payment_days > 45),
            ),
            Approval(
                "security",
                by=group("security", need=2),
                within=business_days(5),
                escalate_to="ciso",
                when=deal.data_class.is_("restricted") | (deal.amount >= usd(250_000)),
            ),
        ),
        skip_when=deal.amount < usd(10_000),
        on_reject="quote",
    ),
    Stage("contract", Signature("sow", within=days(14), remind_every=business_days(3)), on_decline="quote"),
    Stage("closed-won", Parallel(Call(create_sales_order), Call(create_project))),
    Stage(
        "handoff",
        Handoff("managed-services", to="delivery_manager", within=business_days(1), escalate_to="delivery_head"),
    ),
    version=1,
)
