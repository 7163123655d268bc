"""What the demo company's HubSpot account holds before the first deal: properties, stages, products."""

from __future__ import annotations

# HubSpot's own properties of each object type that anybody here reads or writes.
STANDARD = {
    "deals": (
        "dealname", "dealstage", "pipeline", "amount", "deal_currency_code", "hubspot_owner_id", "closedate",
        "dealtype", "description", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_is_closed_won",
    ),
    "companies": (
        "name", "domain", "country", "city", "industry", "phone", "numberofemployees", "createdate",
        "hs_lastmodifieddate", "hs_object_id",
    ),
    "contacts": (
        "firstname", "lastname", "email", "jobtitle", "phone", "createdate", "lastmodifieddate", "hs_object_id",
    ),
    "line_items": (
        "name", "hs_sku", "quantity", "price", "discount", "hs_discount_percentage", "hs_cost_of_goods_sold", "amount",
        "recurringbillingfrequency", "hs_recurring_billing_period", "hs_product_id", "description", "createdate",
        "hs_lastmodifieddate", "hs_object_id",
    ),
}  # fmt: skip

# The company's own deal properties: those people fill in, and those Throughline writes back.
FILLED_BY_SALES = (
    "discount_percent", "payment_days", "data_class", "term_months", "sites", "promised_go_live", "legal_entity",
    "region", "line_of_business",
    # machines
    "installed_by_us", "abroad",
    # subscriptions
    "data_region", "personal_data", "redlines", "starts_on",
    # building contracts
    "public_tender", "award", "permit_needed", "building_permit", "street_permit", "works_start", "subcontracted",
    "payment_schedule", "retention",
    # credit lines
    "exposure", "country_risk", "politically_exposed", "consumer", "withdrawn_on",
)  # fmt: skip
WRITTEN_BACK = (
    "throughline_stage", "throughline_status", "throughline_waiting_on", "throughline_due", "throughline_url",
    "throughline_amount", "throughline_margin", "throughline_sow", "throughline_signed_on", "throughline_sales_order",
    "throughline_project", "throughline_handoff", "throughline_phase", "throughline_progress", "throughline_go_live",
    "throughline_forecast_go_live", "throughline_risk", "throughline_ended", "throughline_updated_at",
)  # fmt: skip

# Search answers these when no properties are asked for ("Search the CRM", default properties).
DEFAULTS = {
    "deals": ("dealname", "amount", "closedate", "pipeline", "dealstage"),
    "companies": ("name", "domain"),
    "contacts": ("firstname", "lastname", "email"),
    "line_items": ("quantity", "amount", "price"),
}

STAGES = (
    "appointmentscheduled",
    "qualifiedtobuy",
    "presentationscheduled",
    "decisionmakerboughtin",
    "contractsent",
    "closedwon",
    "closedlost",
)

# SKU, name, unit price, unit cost, billed how.
PRODUCTS = (
    ("MS-ENDPOINT", "Managed endpoint", "42.00", "27.00", "monthly"),
    ("MS-SERVER", "Managed server", "185.00", "118.00", "monthly"),
    ("MS-NETWORK", "Managed network site", "320.00", "205.00", "monthly"),
    ("MS-BACKUP", "Backup and recovery", "24.00", "14.00", "monthly"),
    ("MS-SOC", "Security operations", "18.50", "12.00", "monthly"),
    ("MS-HELPDESK", "Service desk", "29.00", "19.00", "monthly"),
    ("PS-ONBOARD", "Onboarding project", "12500.00", "8200.00", ""),
    ("PS-MIGRATE", "Migration day", "1450.00", "930.00", ""),
    ("HW-FIREWALL", "Site firewall", "2150.00", "1640.00", ""),
)
