"""What the company is busy with: who buys what, how far people take it, and where a visitor finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.playing.company import CORVANE, Customer, Sale
from cli.playing.script import Part, Say

_APPROVALS = ("discount", "deep-discount", "legal", "finance", "security")
NOBODY = frozenset({*(f"approval:{name}" for name in _APPROVALS), "handoff:managed-services"})
"""The steps left when nobody answers anything."""
_ANSWERED = ("approval", "handoff")


@dataclass(frozen=True)
class Scene:
    """One deal of the live demo. It is in place when it has this status, waits for these steps and these kinds."""

    part: Part
    status: str = "running"
    waits_for: frozenset[str] = frozenset()
    kind: str = ""
    owner_acts: Mapping[str, Any] | None = field(default=None)

    def is_in_place(self, deal: Mapping[str, Any]) -> bool:
        """Say whether the deal has come to where it belongs."""
        waits = deal["waits"]
        asked = {wait["step"] for wait in waits if wait["kind"] in _ANSWERED}
        if deal["status"] != self.status or (self.status == "running" and asked != self.waits_for):
            return False
        return not self.kind or any(wait["kind"] == self.kind for wait in waits)


def program() -> list[Scene]:
    """Return the deals of the first start, the one that waits for the visitor last, so that its history is newest."""
    return [*_early(), *_in_review(), *_late(), _for_the_visitor()]


def _for_the_visitor() -> Scene:
    sale = _sale(CORVANE, 180, 18, sites=4, payment_days=60, data_class="confidential")
    step = frozenset({"approval:finance"})
    return Scene(Part(sale, leaves=step), waits_for=step)


def _early() -> list[Scene]:
    sable = _sale(Customer("Sable River Dental", "sableriver.example", "Miles Garrity"), 95, 22)
    juniper = _sale(Customer("Juniper Freight", "juniper.example", "Ravi Menon"), 210, 34)
    pinecrest = _sale(
        Customer("Pinecrest School", "pinecrest.example", "Tom Okafor"), 80, 10,
        # Neither the price book nor the CRM knows what it costs, so nobody can say what the deal earns.
        extra=({"sku": "rack-rental", "name": "Rack rental", "quantity": "2", "price": "140.00"},),
    )  # fmt: skip
    return [
        Scene(Part(sable, leaves=NOBODY), waits_for=frozenset({"approval:discount"})),
        Scene(
            Part(juniper, leaves=frozenset({"approval:deep-discount"})), waits_for=frozenset({"approval:deep-discount"})
        ),
        Scene(Part(pinecrest, leaves=NOBODY), kind="incident"),
    ]


def _in_review() -> list[Scene]:
    oakhaven = _sale(Customer("Oakhaven Housing", "oakhaven.example", "Ines Ferrer"), 60, 8, data_class="")
    corliss = _sale(Customer("Corliss Printing", "corliss.example", "Jan Corliss"), 140, 14, payment_days=90)
    quayside = _sale(Customer("Quayside Credit", "quayside.example", "Lea Brandt"), 180, 12, data_class="restricted")
    vantor = _sale(Customer("Vantor Labs", "vantor.example", "Kim Vantor"), 45, 5)
    tool = _sale(Customer("Lindqvist Tool", "lindqvist-tool.example", "Eva Lindqvist"), 65, 12, data_class="restricted")
    no = {"approval:finance": Say("reject", "90 days to pay and 14 % off together: offer one of the two")}
    hold = {"do": "hold", "reason": "The customer's board meets on it next week"}
    cancel = {"do": "cancel", "reason": "Bought by a group with an IT department of its own"}
    return [
        Scene(Part(oakhaven, leaves=NOBODY), waits_for=frozenset({"approval:legal"}), kind="question"),
        Scene(Part(corliss, leaves=NOBODY - set(no), says=no), kind="revise"),
        Scene(Part(quayside, leaves=NOBODY), status="hold", owner_acts=hold),
        Scene(Part(vantor, leaves=NOBODY), status="cancelled", owner_acts=cancel),
        Scene(Part(tool, leaves=NOBODY), waits_for=frozenset({"approval:legal", "approval:security"})),
    ]


def _late() -> list[Scene]:
    optics = Customer("Brightwater Optics", "brightwater.example", "Amara Osei")
    brightwater = _sale(optics, 12, 0, months=12, with_onboarding=False)
    mirel = _sale(Customer("Mirel Foods", "mirel.example", "Paul Mirel"), 75, 10)
    meridale = _sale(Customer("Meridale Clinics", "meridale.example", "Ruth Adeyemi"), 120, 12, data_class="restricted")
    handoff = frozenset({"handoff:managed-services"})
    return [
        Scene(Part(brightwater, signs=False), kind="signature"),
        Scene(Part(mirel, leaves=handoff), waits_for=handoff),
        Scene(Part(meridale, tasks_done=3), status="won"),
    ]


def _sale(customer: Customer, seats: int, discount: int, **more: Any) -> Sale:
    return Sale(customer, f"{customer.name}, managed services", seats, discount, **more)
