"""The onboarding plans on offer, by the name of the handoff packet that starts them."""

from __future__ import annotations

from models.plan import PlanTemplate, Side, later, milestone, phase, plan, task

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

manufacturing = plan(
    "manufacturing",
    "Machine",
    phase(
        "Production",
        task("kick-off", "Kick-off with plant and customer", by="plant_manager", days=1),
        task("drawings", "Drawings released", by="application_engineer", days=8, after=["kick-off"]),
        task("approval", "Drawings approved", by="customer", side=Side.CUSTOMER, days=5, after=["drawings"]),
        task("steel", "Steel ordered and received", by="purchasing", days=10, after=["approval"]),
        task("build", "Machine built", by="plant_manager", days=25, after=["steel"]),
    ),
    phase(
        "Factory acceptance",
        task("trial", "Trial run with the customer's parts", by="plant_manager", days=3, after=["build"]),
        # The customer comes to us; what is found now is mended in a day, at the site it would take a week.
        milestone(
            "factory-acceptance", "Factory acceptance test", by="customer", side=Side.CUSTOMER, after=["trial"]
        ),
    ),
    phase(
        "Delivery",
        task("foundation", "Floor and power ready", by="customer", side=Side.CUSTOMER, days=15, after=["approval"]),
        task("shipping", "Shipping", by="carrier", side=Side.VENDOR, days=7, after=["factory-acceptance"]),
        task(
            "installation", "Installation at the site", by="application_engineer", days=8,
            after=["shipping", "foundation"],
        ),
        task("training", "Training of the operators", by="application_engineer", days=3, after=["installation"]),
    ),
    phase(
        "Site acceptance",
        task(
            "ramp-up", "Production under supervision", by="application_engineer", days=5, after=[later("training", 2)]
        ),
        milestone("site-acceptance", "Site acceptance test", by="customer", side=Side.CUSTOMER, after=["ramp-up"]),
    ),
    go_live="site-acceptance",
)  # fmt: skip

saas = plan(
    "saas",
    "Subscription",
    phase(
        "Set-up",
        task("kick-off", "Kick-off", by="customer_success", days=1),
        task("single-sign-on", "Single sign-on", by="customer", side=Side.CUSTOMER, days=4, after=["kick-off"]),
        task("roles", "Roles and permissions", by="customer_success", days=2, after=["single-sign-on"]),
    ),
    phase(
        "Data",
        task("export", "Export from the old system", by="customer", side=Side.CUSTOMER, days=5, after=["kick-off"]),
        task("trial-import", "Trial import and findings", by="operations", days=3, after=["export"]),
        task("cleansing", "Corrections", by="customer", side=Side.CUSTOMER, days=5, after=["trial-import"]),
        task("import", "Import", by="operations", days=2, after=["cleansing", "roles"]),
    ),
    phase(
        "Go-live",
        task("training", "Training of key users", by="customer_success", days=2, after=["import"]),
        milestone("go-live", "First day of work", by="customer", side=Side.CUSTOMER, after=["training"]),
        task("review", "Review after a month", by="customer_success", days=1, after=[later("go-live", 20)]),
    ),
    go_live="go-live",
)

construction = plan(
    "construction",
    "Building contract",
    phase(
        "Mobilisation",
        task("kick-off", "Kick-off on site", by="site_manager", days=1),
        task("site-set-up", "Fence, power, water, containers", by="site_manager", days=5, after=["kick-off"]),
        task("orders", "Subcontractors and material ordered", by="estimator", days=8, after=["kick-off"]),
    ),
    phase(
        "Structure",
        task("foundation", "Excavation and foundation", by="site_manager", days=20, after=["site-set-up", "orders"]),
        task("shell", "Shell", by="site_manager", days=45, after=[later("foundation", 5)]),
        milestone("topping-out", "Shell complete", by="site_manager", after=["shell"]),
    ),
    phase(
        "Fit-out",
        task("envelope", "Roof and windows", by="subcontractor", side=Side.VENDOR, days=15, after=["topping-out"]),
        task("services", "Heating, water, electricity", by="subcontractor", side=Side.VENDOR, days=30,
             after=["envelope"]),
        task("interior", "Interior", by="subcontractor", side=Side.VENDOR, days=25, after=[later("services", 3)]),
    ),
    phase(
        "Acceptance",
        task("authority", "Inspection by the authority", by="authority", side=Side.VENDOR, days=5, after=["interior"]),
        task("snags", "Defects remedied", by="site_manager", days=10, after=["authority"]),
        milestone("hand-over", "Acceptance and keys", by="customer", side=Side.CUSTOMER, after=["snags"]),
    ),
    go_live="hand-over",
)  # fmt: skip

financial_services = plan(
    "financial-services",
    "Credit line",
    phase(
        "Account",
        task("account", "Account and limits opened", by="operations", days=1),
        task("mandates", "Mandates and specimen signatures", by="customer", side=Side.CUSTOMER, days=5,
             after=["account"]),
        task("collateral", "Collateral registered", by="operations", days=10, after=["account"]),
    ),
    phase(
        "Access",
        task("access", "Users of online banking", by="operations", days=2, after=["mandates"]),
        task("test-payment", "First payment with the customer", by="customer", side=Side.CUSTOMER, days=1,
             after=["access"]),
    ),
    phase(
        "First drawing",
        # Compliance looks at the first real payments before the file is closed; patterns show early.
        milestone("first-drawing", "First drawing", by="customer", side=Side.CUSTOMER,
                  after=["test-payment", "collateral"]),
        task("monitoring", "First transactions reviewed", by="compliance", days=3,
             after=[later("first-drawing", 20)]),
    ),
    go_live="first-drawing",
)  # fmt: skip

PLANS: tuple[PlanTemplate, ...] = (managed_services, manufacturing, saas, construction, financial_services)
