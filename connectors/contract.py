"""What we ask of a CRM, an ERP, a project tool and a messenger, whoever made them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from connectors.failures import (
    AccessDenied,
    Ambiguous,
    ConnectorFailure,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.manifest import DuplicateSafety, Manifest

__all__ = [
    "AccessDenied",
    "Ambiguous",
    "Button",
    "Connector",
    "ConnectorFailure",
    "Crm",
    "CrmCompany",
    "CrmContact",
    "CrmDeal",
    "CrmLineItem",
    "CustomerBody",
    "DuplicateSafety",
    "Erp",
    "EventKind",
    "ExternalRef",
    "Forged",
    "InboundEvent",
    "InboundProblem",
    "Issue",
    "IssueBody",
    "IssueChange",
    "Link",
    "MachineHours",
    "Manifest",
    "MaterialPrice",
    "Message",
    "Messenger",
    "NotFound",
    "OrderLine",
    "ProjectBody",
    "ProjectTool",
    "RateLimited",
    "Refused",
    "SalesOrder",
    "SalesOrderBody",
    "Stale",
    "Unavailable",
    "Unreadable",
    "VersionBody",
]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExternalRef(Frozen):
    """Point to a thing in somebody else's system."""

    id: str
    url: str | None = None


class InboundProblem(Exception):
    """Say why a delivery to the webhook door was not taken."""


class Forged(InboundProblem):
    """The signature is missing or wrong: 401, nothing stored but a counter."""


class Stale(InboundProblem):
    """The signature is right but its time is outside the replay window: 401, nothing stored but a counter."""


class Unreadable(InboundProblem):
    """The signature is right but the body is not what the vendor documents: kept as rejected, with this reason."""


class EventKind(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    RESTORED = "restored"
    MERGED = "merged"
    OTHER = "other"  # not about a deal: stored, not relayed


class InboundEvent(Frozen):
    """Name one thing that happened; a hint to re-read the record, never the record itself."""

    event_key: str
    kind: EventKind
    object_id: str
    occurred_at: datetime
    merged_ids: tuple[str, ...] = ()


class CrmCompany(Frozen):
    id: str
    name: str
    domain: str | None = None
    country: str | None = None
    properties: dict[str, str] = {}


class CrmContact(Frozen):
    id: str
    name: str
    email: str | None = None
    title: str | None = None
    properties: dict[str, str] = {}


class CrmLineItem(Frozen):
    """One line of the deal. `discount` is per cent of the unit price; `months` is None for a one-off line."""

    id: str
    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    unit_cost: Decimal | None = None
    discount: Decimal | None = None
    recurring: str | None = Field(None, description="billing frequency, such as monthly; None for a one-off line")
    months: int | None = None
    properties: dict[str, str] = {}


class CrmDeal(Frozen):
    """A deal as the CRM has it now, with everything around it. `properties` holds every property asked for."""

    id: str
    name: str
    url: str | None
    stage: str
    amount: Decimal | None
    currency: str | None
    owner_email: str | None
    properties: dict[str, str]
    company: CrmCompany | None
    contacts: tuple[CrmContact, ...]
    line_items: tuple[CrmLineItem, ...]
    updated_at: datetime


class CustomerBody(Frozen):
    name: str
    email: str | None = None
    domain: str | None = None
    country: str | None = None
    currency: str | None = None


class OrderLine(Frozen):
    """One line of a sales order. `rate` is the net price of one unit."""

    sku: str
    name: str
    quantity: Decimal
    rate: Decimal
    description: str = ""


class SalesOrderBody(Frozen):
    customer: str = Field(description="the ERP's id of the customer")
    currency: str
    ordered_on: date
    deliver_on: date
    lines: tuple[OrderLine, ...]
    reference: str = Field("", description="the customer's or the deal's own reference, printed on the order")


class SalesOrder(Frozen):
    """A sales order as the ERP has it now. `state` is draft, confirmed or cancelled."""

    ref: ExternalRef
    state: str
    customer: str
    total: Decimal
    lines: tuple[OrderLine, ...]


class MaterialPrice(Frozen):
    """What a unit of a material is bought for. `valid_until` is its last day; None for a price without one."""

    rate: Decimal
    currency: str
    valid_until: date | None


class MachineHours(Frozen):
    """What a machine can work in a time, and how much of it is planned already."""

    offered: Decimal
    planned: Decimal


class ProjectBody(Frozen):
    name: str
    description: str = ""


class VersionBody(Frozen):
    """A milestone: a named, dated promise inside a project."""

    name: str
    due: date | None = None
    description: str = ""


class IssueBody(Frozen):
    subject: str
    description: str = ""
    start: date | None = None
    due: date | None = None
    version: str | None = Field(None, description="the project tool's id of the milestone")


class IssueChange(Frozen):
    """What to change of an issue; None leaves a field alone."""

    subject: str | None = None
    start: date | None = None
    due: date | None = None
    done: bool | None = None
    percent_done: int | None = None
    note: str | None = None


class Issue(Frozen):
    """An issue as the project tool has it now; its dates may differ from those asked for (precedence moves them)."""

    ref: ExternalRef
    subject: str
    start: date | None
    due: date | None
    done: bool
    percent_done: int
    updated_at: datetime


class Link(Frozen):
    label: str
    url: str


class Button(Frozen):
    """Something to press in a message. `action` says what, `value` about what; pressing comes back to us signed."""

    label: str
    action: str
    value: str
    tone: Literal["", "yes", "no"] = ""


class Message(Frozen):
    """What one person is told. `to` is a mail address or a chat user or channel id; mail has no buttons."""

    to: str
    subject: str
    text: str
    html: str | None = None
    link: Link | None = None
    buttons: tuple[Button, ...] = ()


@runtime_checkable
class Connector(Protocol):
    """What every connector offers, whatever its kind."""

    manifest: Manifest

    async def ping(self) -> None:
        """Make one harmless, authenticated call; raise the failure if the system does not answer it."""

    async def aclose(self) -> None: ...


class Crm(Connector, Protocol):
    def verify(
        self, method: str, uri: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> list[InboundEvent]:
        """Return the events of a delivery.

        Raises Forged, Stale or Unreadable, and Unavailable when our own secret is missing (answer 503, not 401).
        `uri` is the whole address the vendor called, with scheme, host and query; `body` the raw bytes.
        """

    async def read_deal(self, deal_id: str) -> CrmDeal: ...

    async def write_deal(self, deal_id: str, properties: Mapping[str, str]) -> ExternalRef: ...

    async def changed_deals(self, since: datetime) -> list[str]:
        """Return the ids of deals changed since then, oldest first: what reconciling by polling needs."""


class Erp(Connector, Protocol):
    async def find_customer(self, key: str) -> ExternalRef | None: ...

    async def create_customer(self, key: str, body: CustomerBody) -> ExternalRef: ...

    async def find_sales_order(self, key: str) -> ExternalRef | None:
        """Return the confirmed order that carries the key; a draft does not count, creating finishes it."""

    async def create_sales_order(self, key: str, body: SalesOrderBody) -> ExternalRef: ...

    async def read_sales_order(self, ref: ExternalRef) -> SalesOrder: ...

    async def amend_sales_order(self, ref: ExternalRef, body: SalesOrderBody) -> ExternalRef:
        """Make the order's lines equal to the body's; repeating it changes nothing."""

    async def cancel_sales_order(self, ref: ExternalRef) -> None:
        """Cancel it; cancelling a cancelled order changes nothing."""

    async def read_material_price(self, item: str, on: date) -> MaterialPrice:
        """Return the price an item is bought for on a day; raise Refused if none holds on it."""

    async def read_machine_hours(self, machine: str, first: date, last: date) -> MachineHours:
        """Return the hours of a machine from the first to the last day; raise NotFound for one nobody knows."""


class ProjectTool(Connector, Protocol):
    async def find_project(self, key: str) -> ExternalRef | None: ...

    async def create_project(self, key: str, body: ProjectBody) -> ExternalRef: ...

    async def close_project(self, project: ExternalRef) -> None: ...

    async def reopen_project(self, project: ExternalRef) -> None: ...

    async def find_version(self, project: ExternalRef, key: str) -> ExternalRef | None: ...

    async def create_version(self, project: ExternalRef, key: str, body: VersionBody) -> ExternalRef: ...

    async def find_issue(self, project: ExternalRef, key: str) -> ExternalRef | None: ...

    async def create_issue(self, project: ExternalRef, key: str, body: IssueBody) -> ExternalRef: ...

    async def precede(self, first: ExternalRef, then: ExternalRef) -> None:
        """Let one issue precede another, which may move the later one's dates; repeating it changes nothing."""

    async def read_issue(self, issue: ExternalRef) -> Issue: ...

    async def update_issue(self, issue: ExternalRef, change: IssueChange) -> Issue:
        """Change it and return it as the tool has it afterwards."""

    async def list_issues(self, project: ExternalRef, changed_since: datetime | None = None) -> list[Issue]: ...


class Messenger(Connector, Protocol):
    async def find(self, key: str, to: str) -> ExternalRef | None:
        """Return the message that carries the key; raise Ambiguous where a sent message cannot be looked up (mail)."""

    async def send(self, key: str, message: Message) -> ExternalRef: ...

    async def rewrite(self, ref: ExternalRef, message: Message) -> None:
        """Replace a sent message; raise Refused where that is impossible (mail)."""
