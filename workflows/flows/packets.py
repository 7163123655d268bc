"""What operations need to know before they take a deal over, packet by packet, in their words."""

from __future__ import annotations

from collections.abc import Mapping

from models.pinned import PacketField, PacketSpec

_CRM = "on the deal in the CRM, or by its owner on the deal's page"

_QUOTE = "priced from the CRM's lines"
_TASK = "the answers of its task on the deal's page"

PACKETS: Mapping[str, PacketSpec] = {
    "managed-services": PacketSpec(
        title="Managed services",
        fields=(
            PacketField(label="what the customer wants to achieve", fact="goals", where=_CRM),
            PacketField(label="what was sold, how many of it", fact="scope", where="priced from the CRM's lines"),
            PacketField(label="how sensitive the customer's data is", fact="data_class", where=_CRM),
            PacketField(label="who signed for the customer", fact="signatory", where="a contact of the CRM's deal"),
            PacketField(label="price", fact="amount", where="priced from the CRM's lines"),
            PacketField(label="days to pay", fact="payment_days", where=_CRM),
            PacketField(label="signed statement of work", document="sow", where="rendered in stage quote"),
            PacketField(label="sales order", fact="sales_order", where="booked in the ERP in stage closed-won"),
            PacketField(label="project", fact="project", where="made in the project tool in stage closed-won"),
        ),
    ),
    "manufacturing": PacketSpec(
        title="Machine",
        fields=(
            PacketField(label="what the customer wants to make with it", fact="goals", where=_CRM),
            PacketField(label="what was sold, how many of it", fact="scope", where=_QUOTE),
            PacketField(label="the machine as configured", fact="configuration", where=_TASK),
            PacketField(label="steel per tonne, as offered", fact="material_price", where="read from the ERP"),
            PacketField(label="the month it is built in", fact="production_month", where="read from the ERP"),
            PacketField(label="machine hours left in that month", fact="machine_hours_left", where="read from the ERP"),
            PacketField(label="whether we install it", fact="installed_by_us", where=_CRM),
            PacketField(label="who signed for the customer", fact="signatory", where="a contact of the CRM's deal"),
            PacketField(label="price", fact="amount", where=_QUOTE),
            PacketField(label="signed offer", document="offer", where="rendered in stage quote"),
            PacketField(label="sales order", fact="sales_order", where="booked in the ERP in stage booking"),
            PacketField(label="project", fact="project", where="made in the project tool in stage booking"),
        ),
    ),
    "saas": PacketSpec(
        title="Subscription",
        fields=(
            PacketField(label="what the customer wants to achieve", fact="goals", where=_CRM),
            PacketField(label="what was sold, how many seats", fact="scope", where=_QUOTE),
            PacketField(label="where the data lies", fact="data_region", where=_CRM),
            PacketField(label="how sensitive the customer's data is", fact="data_class", where=_CRM),
            PacketField(label="first day of the subscription", fact="starts_on", where=_CRM),
            PacketField(label="who signed for the customer", fact="signatory", where="a contact of the CRM's deal"),
            PacketField(label="signed order form", document="order-form", where="rendered in stage order-form"),
            PacketField(label="sales order", fact="sales_order", where="booked in the ERP in stage booking"),
            PacketField(label="project", fact="project", where="made in the project tool in stage booking"),
        ),
    ),
    "construction": PacketSpec(
        title="Building contract",
        fields=(
            PacketField(label="what is to be built", fact="goals", where=_CRM),
            PacketField(label="bill of quantities", fact="scope", where=_QUOTE),
            PacketField(label="what the site looked like", fact="inspection", where=_TASK),
            PacketField(label="the day the works begin", fact="works_start", where=_CRM),
            PacketField(label="when the customer pays", fact="payment_schedule", where=_CRM),
            PacketField(label="held back until acceptance", fact="retention", where=_CRM),
            PacketField(label="insurance of the works", fact="insurance", where=_TASK),
            PacketField(label="price", fact="amount", where=_QUOTE),
            PacketField(label="who signed for the customer", fact="signatory", where="a contact of the CRM's deal"),
            PacketField(label="signed contract", document="contract", where="rendered in stage terms"),
            PacketField(label="sales order", fact="sales_order", where="booked in the ERP in stage booking"),
            PacketField(label="project", fact="project", where="made in the project tool in stage booking"),
        ),
    ),
    # The file an examiner reads: everything that was decided about the customer, and on which evidence.
    "financial-services": PacketSpec(
        title="Credit file",
        fields=(
            PacketField(label="purpose of the credit", fact="goals", where=_CRM),
            PacketField(label="who the customer is", fact="kyc", where=_TASK),
            PacketField(label="rating of the customer's country", fact="country_risk", where=_CRM),
            PacketField(label="whether an owner holds a public office", fact="politically_exposed", where=_CRM),
            PacketField(label="screening at application", fact="screening", where=_TASK),
            PacketField(label="screening before release", fact="final_screening", where=_TASK),
            PacketField(label="rating and collateral", fact="rating", where=_TASK),
            PacketField(label="the most the customer may owe us", fact="exposure", where=_CRM),
            PacketField(label="what it earns us", fact="amount", where=_QUOTE),
            PacketField(label="who signed for the customer", fact="signatory", where="a contact of the CRM's deal"),
            PacketField(label="signed agreement", document="agreement", where="rendered in stage agreement"),
            PacketField(label="account in the ERP", fact="sales_order", where="booked in stage activation"),
            PacketField(label="project", fact="project", where="made in the project tool in stage activation"),
        ),
    ),
}
