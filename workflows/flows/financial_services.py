"""Credit lines: nobody alone decides anything, everything is screened again, and the file proves it years later.

The regulator asks three questions: who knew the customer, who decided, and were they two different people. Each step
below answers one of them; what looks like repetition is the answer.
"""

from __future__ import annotations

from activities.catalog import create_project, create_sales_order, price_quote
from workflows.flows.financial_services_facts import deal
from workflows.language import (
    CONTINUE,
    EXPIRE,
    REJECT,
    Approval,
    Call,
    Flow,
    Handoff,
    Parallel,
    Render,
    Signature,
    Stage,
    Task,
    Wait,
    When,
    business_days,
    days,
    group,
    lost,
    pick,
    usd,
)

enhanced = deal.politically_exposed.is_(True) | deal.country_risk.is_("high")

financial_services = Flow(
    "financial-services",
    Stage(
        "application",
        # Every round: whoever is sent back confirms the papers again, and asks for an amount that can be granted.
        Task(
            "identification",
            by="deal_owner",
            form=deal.kyc,
            within=business_days(10),
            remind_every=business_days(3),
            escalate_to=("vp_sales", EXPIRE),
            on_expire=lost("the customer gave no papers"),
            every_round=True,
        ),
    ),
    Stage(
        "know-your-customer",
        # Every round again: lists change daily, and a search of last month proves nothing about this one.
        Task(
            "sanctions-screening",
            by="compliance",
            form=deal.screening,
            within=business_days(1),
            escalate_to="general_counsel",
            every_round=True,
        ),
        When(deal.screening.field("result").is_("hit"), lost("on a sanctions list")),
        # Silence is never consent here, nor is it somebody else's.
        Approval(
            "kyc",
            by="compliance",
            within=business_days(3),
            on_silence=REJECT,
            covers=[deal.kyc, deal.country_risk, deal.politically_exposed],
        ),
        # Four eyes besides the two that have looked already.
        Approval(
            "enhanced-due-diligence",
            by=group("compliance", need=2),
            within=business_days(10),
            remind_every=business_days(3),
            escalate_to="general_counsel",
            not_same_as=["kyc"],
            when=enhanced | (deal.kyc.field("beneficial_owners") > 4),
            covers=[deal.kyc, deal.country_risk, deal.politically_exposed],
        ),
        on_reject="application",
        max_rework=2,
        on_exhausted=lost("the customer could not be identified"),
    ),
    Stage(
        "credit",
        Call(price_quote),
        Task("rating", by="risk", form=deal.rating, within=business_days(5), escalate_to=("cfo", "ceo")),
        Parallel(
            (
                # The ladder of our credit policy. Who sells never decides, at no amount, and neither does who rated: an
                # approval is not open to whoever wrote what it covers.
                Approval(
                    "credit",
                    by=pick(
                        ["risk"],
                        when=deal.exposure < usd(250_000),
                        otherwise=pick(
                            [group("risk", need=2)],
                            when=deal.exposure < usd(1_000_000),
                            otherwise=[group("risk", need=2), "cfo"],
                        ),
                    ),
                    within=pick(business_days(2), when=deal.exposure < usd(250_000), otherwise=business_days(5)),
                    escalate_to=("cfo", "ceo"),
                    not_same_as=["kyc"],
                    covers=[deal.exposure, deal.rating.field("grade"), deal.rating.field("collateral")],
                ),
                # The committee decides by majority: any two of the three.
                Approval(
                    "risk-committee",
                    by=["cfo", "general_counsel", "vp_sales"],
                    need=2,
                    within=business_days(5),
                    escalate_to="ceo",
                    when=(deal.exposure >= usd(1_000_000)) | (deal.rating.field("grade") > 6),
                ),
                Approval(
                    "board",
                    by=group("board", need=2),
                    within=business_days(15),
                    remind_every=business_days(5),
                    escalate_to="ceo",
                    when=deal.exposure >= usd(5_000_000),
                ),
            ),
            # Whoever audits the file later may look in while it is made; an auditor who could stop a deal would own it.
            Task(
                "audit-sample",
                by="internal_audit",
                within=business_days(5),
                on_silence=EXPIRE,
                when=(deal.exposure >= usd(1_000_000)) | enhanced,
                advisory=True,
            ),
        ),
        on_reject="application",
    ),
    Stage(
        "agreement",
        Render("agreement", template="agreement/financial_services"),
        Approval(
            "legal",
            by="legal",
            within=business_days(3),
            escalate_to="general_counsel",
            when=deal.exposure >= usd(250_000),
        ),
        Signature("agreement", within=days(21), remind_every=business_days(5)),
        on_reject="credit",
        on_decline="credit",
        on_expire=lost("the customer did not sign"),
    ),
    Stage(
        "activation",
        # Private customers may change their mind for fourteen days. Money that moved before is ours to fetch back.
        When(
            deal.consumer.is_(True),
            Wait("cooling-off", until=deal.withdrawn_on.is_set(), within=days(14), on_expire=CONTINUE),
            When(deal.withdrawn_on.is_set(), lost("withdrawn within the cooling-off period")),
        ),
        # Between application and payment lie weeks, and the lists change daily.
        Task(
            "final-screening",
            by="compliance",
            form=deal.final_screening,
            within=business_days(1),
            escalate_to="general_counsel",
            every_round=True,
        ),
        When(deal.final_screening.field("result").is_("hit"), lost("on a sanctions list since the application")),
        Approval(
            "release",
            by="operations",
            within=business_days(1),
            escalate_to="delivery_head",
            not_same_as=["kyc", "credit"],
            on_reject="application",
        ),
        Parallel(Call(create_sales_order), Call(create_project)),
    ),
    Stage(
        "handoff",
        Handoff("financial-services", to="operations", within=business_days(1), escalate_to="delivery_head"),
    ),
    version=1,
    takes=deal.line_of_business.is_("financial_services"),
)
