"""Machines: from a surveyed site to a machine that the plant has agreed to build.

Two things we promise go stale by themselves. Steel is bought at a price that holds for a week, and a machine is built
in hours of next month that somebody else may take. Both are read from the ERP and carry their own end; once the
customer has signed the offer that names them, they are bought and booked, and do not move any more.
"""

from __future__ import annotations

from activities.catalog import (
    create_project,
    create_sales_order,
    price_quote,
    read_machine_hours,
    read_material_price,
)
from workflows.flows.manufacturing_facts import deal
from workflows.language import (
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
    When,
    business_days,
    days,
    lost,
    percent,
    pick,
    usd,
)

survey, configuration = deal.survey, deal.configuration

manufacturing = Flow(
    "manufacturing",
    Stage(
        "survey",
        # Customers who fetch the machine know their own hall. Where we install, we have seen the place before we quote.
        When(
            deal.installed_by_us.is_(True),
            Task(
                "site-survey",
                by="application_engineer",
                form=survey,
                within=business_days(10),
                remind_every=business_days(3),
                escalate_to="delivery_head",
            ),
            # A foundation or a rented crane can be arranged; whoever pays for it decides whether we go on.
            Approval(
                "site-risk",
                by="delivery_head",
                within=business_days(3),
                escalate_to="ceo",
                when=(survey.field("floor_load") < 20) | survey.field("crane").is_(False),
                covers=[survey.field("floor_load"), survey.field("crane")],
                on_reject=lost("the site cannot take the machine"),
            ),
        ),
    ),
    Stage(
        "configure",
        # Every round: what the plant sends back is answered by another build, not by the same one with a note.
        Task(
            "configuration",
            by="application_engineer",
            form=configuration,
            within=business_days(5),
            escalate_to="delivery_head",
            every_round=True,
        ),
    ),
    Stage(
        "plant",
        # Both at once, and both heard: the engineer configures anew with everything the plant has to say.
        Parallel(
            (
                Call(read_material_price, inputs={"material": configuration.field("material")}),
                # The price book was made with steel at 900; above it every tonne costs us margin.
                Approval(
                    "steel",
                    by="purchasing",
                    within=business_days(1),
                    escalate_to=("cfo", "ceo"),
                    when=deal.material_price > usd(900),
                    covers=[deal.material_price, configuration.field("tonnes")],
                ),
            ),
            (
                Call(
                    read_machine_hours,
                    inputs={
                        "work_center": configuration.field("work_center"),
                        "machine_hours": configuration.field("machine_hours"),
                    },
                ),
                # Fewer than none left means a third shift, which only the plant can promise.
                Approval(
                    "overtime",
                    by="plant_manager",
                    within=business_days(2),
                    escalate_to="delivery_head",
                    when=deal.machine_hours_left < 0,
                    covers=[deal.machine_hours_left],
                ),
            ),
            wait_all=True,
        ),
        on_reject="configure",
    ),
    Stage(
        "quote",
        Call(price_quote),
        Parallel(
            (
                Approval(
                    "discount",
                    by=pick("deal_desk", when=deal.discount <= percent(15), otherwise="vp_sales"),
                    within=business_days(1),
                    escalate_to=("vp_sales", "ceo"),
                    when=deal.discount > percent(8),
                    covers=[deal.discount, deal.margin],
                ),
                # First who answers for the margin, then who has to build it for that money.
                Approval(
                    "thin-margin",
                    by=["cfo", "plant_manager"],
                    in_turn=True,
                    within=business_days(2),
                    escalate_to="ceo",
                    when=deal.margin < percent(18),
                ),
            ),
            # A machine is worth its steel to nobody else: a customer who cannot pay is found out before we cut any.
            Approval(
                "credit",
                by="finance",
                form=deal.credit,
                within=business_days(2),
                escalate_to=("cfo", "ceo"),
                when=(deal.amount >= usd(50_000)) | (deal.payment_days > 30),
                covers=[deal.amount, deal.payment_days],
            ),
            Approval(
                "export-control",
                by="legal",
                within=business_days(5),
                remind_every=business_days(2),
                escalate_to="general_counsel",
                when=deal.abroad.is_(True),
            ),
            # Engineering never built such parts: a second pair of eyes, whose doubts do not hold the quote up.
            Approval(
                "design-review",
                by="operations",
                within=business_days(3),
                on_silence=EXPIRE,
                when=configuration.field("special").is_(True),
                advisory=True,
            ),
        ),
        Render("offer", template="offer/manufacturing"),
        on_reject="quote",
        on_exhausted=lost("no price both sides can build on"),
    ),
    Stage(
        "order",
        Signature("offer", within=days(21), remind_every=business_days(3)),
        # Nothing is cut before a third is paid. Small machines come from stock and are paid on delivery.
        Task(
            "deposit",
            by="finance",
            form=deal.deposit,
            within=business_days(15),
            remind_every=business_days(5),
            escalate_to=("deal_owner", "cfo", EXPIRE),
            on_expire=lost("no deposit was paid"),
            when=deal.amount >= usd(25_000),
        ),
        on_decline="quote",
        on_expire=lost("the customer let the offer lapse"),
    ),
    Stage("booking", Parallel(Call(create_sales_order), Call(create_project))),
    Stage(
        "handoff",
        Handoff("manufacturing", to="plant_manager", within=business_days(2), escalate_to="delivery_head"),
    ),
    version=1,
    takes=deal.line_of_business.is_("manufacturing"),
)
