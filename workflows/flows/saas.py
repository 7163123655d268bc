"""Subscriptions: a small order passes nobody, a large one is looked at by everybody who answers for it.

Four of five orders are below 10,000 and on our own terms. They are worth less than the hour of a lawyer, so the rules
let them run from the CRM to the customer's first login by themselves.
"""

from __future__ import annotations

from activities.catalog import create_project, create_sales_order, price_quote
from workflows.flows.saas_facts import deal
from workflows.language import (
    CONTINUE,
    EXPIRE,
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
    managers,
    percent,
    pick,
    usd,
)

small = deal.amount < usd(10_000)

saas = Flow(
    "saas",
    Stage(
        "order-form",
        # We run no data centre outside the EU and the US; saying so on day one is kinder than after a month of reviews.
        When(
            deal.data_region.is_("other") & deal.data_class.is_("restricted"),
            lost("no region for restricted data there"),
        ),
        Call(price_quote),
        # Whoever manages the seller knows whether ten per cent buys a year or only a habit.
        Approval(
            "discount",
            by=pick([managers(1)], when=deal.discount <= percent(20), otherwise=["deal_desk", "vp_sales"]),
            within=business_days(1),
            escalate_to=("vp_sales", "ceo"),
            when=deal.discount > percent(10),
            covers=[deal.discount, deal.margin],
        ),
        Approval(
            "floor-price",
            by="cfo",
            within=business_days(1),
            escalate_to="ceo",
            when=deal.margin < percent(60),
            covers=[deal.margin],
        ),
        Render("order-form", template="order/saas"),
        # Whatever the size: without this agreement we may not touch a single name.
        Render("dpa", template="dpa/saas", when=deal.personal_data.is_(True)),
        on_reject="order-form",
    ),
    Stage(
        "trust",
        # All verdicts at once: a customer who redlines twice because we read in turn does not come back.
        Parallel(
            (
                # Answered by those who run the service; security reads what they promise, and does not promise it.
                Task(
                    "security-questionnaire",
                    by="operations",
                    form=deal.security_answers,
                    within=business_days(5),
                    remind_every=business_days(2),
                    escalate_to="delivery_head",
                ),
                # A gap in front of restricted data is two people's decision.
                Approval(
                    "security",
                    by=pick(
                        [group("security", need=2)], when=deal.data_class.is_("restricted"), otherwise=["security"]
                    ),
                    within=business_days(3),
                    escalate_to="ciso",
                    when=deal.data_class.one_of("confidential", "restricted")
                    | (deal.security_answers.field("gaps") > 0),
                ),
            ),
            Approval(
                "privacy",
                by="privacy",
                within=business_days(3),
                escalate_to="general_counsel",
                when=deal.personal_data.is_(True) & deal.data_region.one_of("us", "other"),
            ),
            Approval(
                "legal",
                by=pick("legal", when=deal.redlines <= 5, otherwise="general_counsel"),
                within=business_days(3),
                remind_every=business_days(1),
                escalate_to=("general_counsel", "ceo"),
                when=deal.redlines > 0,
            ),
            Approval(
                "finance",
                by="finance",
                within=business_days(2),
                escalate_to="cfo",
                when=(deal.payment_days > 45) | (deal.term_months > 36),
            ),
            # Asked for advice: what they know of the customer's set-up goes into the kick-off, it never stops a sale.
            Approval(
                "architecture",
                by="customer_success",
                within=business_days(3),
                on_silence=EXPIRE,
                when=deal.amount >= usd(100_000),
                advisory=True,
            ),
            wait_all=True,
        ),
        skip_when=small,
        on_reject="order-form",
        on_exhausted=lost("no terms both sides can sign"),
    ),
    Stage(
        "signature",
        Parallel(
            Signature("order-form", within=days(30), remind_every=business_days(5)),
            Signature("dpa", within=days(30), remind_every=business_days(5), when=deal.personal_data.is_(True)),
        ),
        on_decline="order-form",
        on_expire=lost("the customer went silent"),
    ),
    Stage("booking", Parallel(Call(create_sales_order), Call(create_project))),
    Stage(
        "provision",
        # Small tenants are made by the product itself when the customer first logs in.
        When(
            deal.amount >= usd(10_000),
            # A tenant that stands empty for a quarter is only a risk: we begin ten working days before it is used.
            Wait("the start of the subscription", until=deal.starts_on, lead=business_days(10), name="start"),
            Task(
                "tenant",
                by="operations",
                form=deal.tenant,
                within=business_days(3),
                escalate_to=("delivery_head", EXPIRE),
                # The start date is in the contract: whoever takes over makes the tenant with the customer if need be.
                on_expire=CONTINUE,
            ),
        ),
    ),
    Stage(
        "handoff",
        # Nobody has to accept what nobody has to prepare.
        Handoff("saas", to="customer_success", within=business_days(1), escalate_to="delivery_head", accept_when=small),
    ),
    version=1,
    takes=deal.line_of_business.is_("saas"),
)
