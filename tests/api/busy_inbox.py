"""A company whose inboxes are full: Noor's own, what she answers for Daniel, who is away, and her team's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.tables.people import AbsenceRow
from tests.api.company import NOW, Company, deal, person, request

BODY: dict[str, Any] = {
    "asked_by": "dana",
    "rule": {"text": "margin 24.6 % < 28 %"},
    "follows": {"yes": "the deal goes on", "no": "back to quote", "silence": "Vera Lindqvist is asked too"},
}
WAITING = (
    # account, amount, hours since it was asked, hours until it is due
    ("Aldermoor Foods", "100000", 10, 30),
    ("Birchfield Clinics", "612300", 22, 9),
    ("Copperline Rail", "78900", 50, -2),
    ("Dunmore Hotels", "233750", 12, 40),
    ("Eastgate Labs", "48200", 17, 2),
    ("Fernhill Schools", "90000", 40, 15),
    ("Garrick Metals", "171600", 5, 50),
    ("Hollis Energy", "358000", 26, 7),
    ("Inverness Legal", "64800", 14, 20),
    ("Juniper Housing", "96250", 24, -5),
)


def busy() -> Company:
    """Ten approvals of Noor's, two she answers for Daniel, one that needs a form, and two of her team's."""
    deals, requests = [], []
    for n, (account, amount, since, left) in enumerate(WAITING):
        owner = deal(f"61{n:02}", account, amount)
        deals.append(owner)
        when = {"opened_at": NOW - timedelta(hours=since), "due_at": NOW + timedelta(hours=left)}
        requests.append(request(owner, "approval:finance", "Finance review", ["noor"], body=BODY, **when))
    for n, account in enumerate(("Kestrel Airports", "Larchmont Press")):
        owner = deal(f"62{n:02}", account, "50000")
        deals.append(owner)
        body = {**BODY, "stands_in": {"noor": "daniel"}}
        requests.append(request(owner, "approval:cfo", "Large deal", ["noor"], who="cfo", body=body))
    for n, account in enumerate(("Marlow Textiles", "Northwick Dairies")):
        owner = deal(f"63{n:02}", account, "80000")
        deals.append(owner)
        requests.append(request(owner, "approval:second", "Second look", ["frida"], body=BODY))
    formed = deal("6400", "Oakridge Toys", "30000")
    form = {"type": "object", "properties": {"rate": {"type": "number"}}, "required": ["rate"]}
    deals.append(formed)
    requests.append(request(formed, "approval:rate", "Rate", ["noor"], body={**BODY, "form": form}))
    away = AbsenceRow(
        id="away-1", person="daniel", delegate="noor", starts=NOW - timedelta(days=1), ends=NOW + timedelta(days=3),
        zone="America/Chicago", created_by="daniel",
    )  # fmt: skip
    frida = person("Frida Oakes", "Finance", ["finance"])
    return Company(deals, requests, [frida, away])
