"""Building contracts: months of waiting for other people's decisions, and a price that has to survive them.

A bid is won weeks after it was made, a permit comes months after it was asked for. Nothing of that may be forgotten,
and nothing may start early: before the permit every working day on site is an offence, and every order a risk of ours.
"""

from __future__ import annotations

from activities.catalog import create_project, create_sales_order, price_quote
from workflows.flows.construction_facts import deal
from workflows.language import (
    CONTINUE,
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
    cancelled,
    days,
    group,
    lost,
    managers,
    percent,
    pick,
    usd,
)

construction = Flow(
    "construction",
    Stage(
        "site",
        # Nobody prices a building from a drawing: the expensive surprises lie in the ground.
        Task(
            "site-inspection",
            by="site_manager",
            form=deal.inspection,
            within=business_days(8),
            remind_every=business_days(3),
            escalate_to="delivery_head",
        ),
        Parallel(
            Task(
                "remediation",
                by="estimator",
                form=deal.remediation,
                within=business_days(10),
                escalate_to="delivery_head",
                when=deal.inspection.field("hazardous").is_(True),
            ),
            Task(
                "subcontractors",
                by="estimator",
                form=deal.subcontracts,
                within=business_days(15),
                remind_every=business_days(5),
                escalate_to="delivery_head",
                when=deal.subcontracted > percent(0),
            ),
        ),
    ),
    Stage(
        "bid",
        Call(price_quote),
        # Two estimators sign every large bid; a wrong quantity is found by whoever did not make it.
        Approval(
            "estimate",
            by=group("estimator", need=2),
            within=business_days(5),
            escalate_to="delivery_head",
            when=deal.amount >= usd(250_000),
            covers=[deal.scope, deal.margin],
        ),
        Parallel(
            # The ladder is the one of our articles: up to a million the manager, up to five the board's two, then all.
            Approval(
                "bid",
                by=pick(
                    [managers(1)],
                    when=deal.amount < usd(1_000_000),
                    otherwise=pick(["cfo", "vp_sales"], when=deal.amount < usd(5_000_000), otherwise=["cfo", "ceo"]),
                ),
                within=business_days(3),
                escalate_to="ceo",
                not_same_as=["estimate"],
                covers=[deal.amount, deal.margin, deal.scope],
            ),
            # Trades nobody wanted to bid for are the ones that stop a site.
            Approval(
                "few-bids",
                by="delivery_head",
                within=business_days(2),
                escalate_to="ceo",
                when=(deal.subcontracted > percent(40)) & (deal.subcontracts.field("bids") < 3),
                covers=[deal.subcontracted, deal.subcontracts.field("bids")],
            ),
            # Public customers open no bid without its bond; the surety needs a week for a large one.
            Task(
                "bid-bond",
                by="finance",
                form=deal.bond,
                within=pick(business_days(8), when=deal.amount >= usd(1_000_000), otherwise=business_days(3)),
                escalate_to=("cfo", "ceo"),
                when=deal.public_tender.is_(True),
            ),
        ),
        on_reject="bid",
        max_rework=2,
        on_exhausted=lost("no bid we could stand behind"),
    ),
    Stage(
        "award",
        # A tender is decided when it is decided. We ask every two weeks, and after four months the steel is re-priced.
        When(
            deal.public_tender.is_(True),
            Wait(
                "the award",
                until=deal.award.is_set(),
                within=days(120),
                remind_every=business_days(10),
                on_expire=lost("never awarded"),
            ),
            When(deal.award.is_("lost"), lost("awarded to somebody else")),
        ),
    ),
    Stage(
        "terms",
        Render("contract", template="contract/construction"),
        Parallel(
            # Covers the contract's text as it stands, so any other text is read again.
            Approval(
                "legal",
                by="legal",
                within=business_days(5),
                remind_every=business_days(2),
                escalate_to="general_counsel",
            ),
            # Paid on completion we lend the customer the whole building; held back beyond 5 % we lend the profit.
            Approval(
                "payment-terms",
                by=pick("cfo", when=deal.payment_schedule.is_("completion"), otherwise="finance"),
                within=business_days(3),
                escalate_to=("cfo", "ceo"),
                when=deal.payment_schedule.one_of("completion", "monthly")
                | (deal.retention > percent(5))
                | (deal.payment_days > 30),
            ),
            wait_all=True,
        ),
        on_reject="bid",
        on_exhausted=lost("no terms both sides can build on"),
    ),
    Stage(
        "contract",
        Signature("contract", within=days(28), remind_every=business_days(5)),
        on_decline="bid",
        on_expire=lost("the customer did not sign"),
    ),
    Stage(
        "permits",
        Parallel(
            # The contract falls with the permit, and so do we: nothing was ordered yet.
            Wait(
                "the building permit",
                until=deal.building_permit.is_set(),
                by="site_manager",
                within=business_days(120),
                remind_every=business_days(10),
                on_expire=cancelled("no building permit"),
                when=deal.permit_needed.is_(True),
            ),
            Wait(
                "the permit to use the street",
                until=deal.street_permit.is_set(),
                by="site_manager",
                within=business_days(60),
                remind_every=business_days(10),
                # Without it we deliver at night, which is dearer and no reason to stop.
                on_expire=CONTINUE,
                when=deal.permit_needed.is_(True),
                advisory=True,
            ),
            Task(
                "insurance",
                by="finance",
                form=deal.insurance,
                within=business_days(10),
                escalate_to=("cfo", "ceo"),
            ),
        ),
        # Cranes and crews are booked four weeks ahead. Earlier they would stand, later they would be gone.
        Wait("mobilisation", until=deal.works_start, lead=business_days(20)),
    ),
    Stage("booking", Parallel(Call(create_sales_order), Call(create_project))),
    Stage(
        "handoff",
        Handoff("construction", to="site_manager", within=business_days(3), escalate_to="delivery_head"),
    ),
    version=1,
    takes=deal.line_of_business.is_("construction"),
)
