"""Where the page of a thing is, from the thing's id."""

from __future__ import annotations

from urllib.parse import quote


def deal_path(deal_id: str) -> str:
    """Return the address of a deal: "deal/hubspot/5" is "/deals/hubspot/5"."""
    return "/deals/" + quote(deal_id.removeprefix("deal/"))


def flow_path(name: str) -> str:
    """Return the address of a flow."""
    return "/flows/" + quote(name, safe="")


def request_path(request_id: str) -> str:
    """Return the address of a request: its deal, then the rest of its id."""
    deal, _, rest = request_id.partition("|")
    return f"/requests/{quote(deal.removeprefix('deal/'))}/{quote(rest.replace('|', '/'), safe='/:[]')}"


def request_id(source: str, source_id: str, rest: str) -> str:
    """Return the request of an address."""
    return f"deal/{source}/{source_id}|{rest.replace('/', '|')}"


def onboarding_path(onboarding_id: str) -> str:
    """Return the address of an onboarding."""
    return "/onboarding/" + quote(onboarding_id.removeprefix("onboarding/"))


def local_only(address: str) -> str:
    """Return the address if it is one of ours, else the start page: a link must not send people elsewhere."""
    fine = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if fine else "/"
