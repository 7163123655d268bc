"""The onboarding plans on offer, by the name of the handoff packet that starts them."""

from __future__ import annotations

from models.plan import PlanTemplate, Side, milestone, phase, plan, task

managed_services = plan(
    "managed-services",
    "Managed services",
    phase(
        "Discovery",
        task("kick-off", "Kick-off workshop", by="delivery_manager", days=1),
        task(
            "access", "Hand over administrative access", by="customer", side=Side.CUSTOMER, days=3, after=["kick-off"]
        ),
        task("survey", "Survey of sites and machines", by="operations", days=3, after=["kick-off"]),
        task("design", "Design sign-off", by="customer", side=Side.CUSTOMER, days=2, after=["access", "survey"]),
    ),
    phase(
        "Build",
        task("equipment", "Order and receive equipment", by="vendor", side=Side.VENDOR, days=10, after=["design"]),
        task("tooling", "Monitoring, patching and backup", by="operations", days=5, after=["design"]),
    ),
    phase(
        "Migration",
        task("pilot", "Pilot group", by="operations", days=3, after=["equipment", "tooling"]),
        task("waves", "Remaining users and sites", by="operations", days=8, after=["pilot"]),
    ),
    phase(
        "Go-live",
        milestone("go-live", "Cut-over and acceptance", by="customer", side=Side.CUSTOMER, after=["waves"]),
    ),
    go_live="go-live",
)

PLANS: tuple[PlanTemplate, ...] = (managed_services,)
