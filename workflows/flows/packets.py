"""What operations need to know before they take a deal over, packet by packet, in their words."""

from __future__ import annotations

from collections.abc import Mapping

from models.flow import PacketField, PacketSpec

_CRM = "on the deal in the CRM, or by its owner on the deal's page"

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
    )
}
