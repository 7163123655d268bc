"""Who may use which door: one policy per route, and a route without one is closed to everybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from api.auth import Caller

# What a door is decides how a refusal looks and what protects a post: a page redirects to sign-in and wants a
# form token; the API answers with a problem and wants JSON; a webhook is protected by its signature alone.
Door = Literal["page", "api", "webhook", "open"]


@dataclass(frozen=True)
class Policy:
    """Whom a route lets in. `says` is printed when it does not."""

    door: Door
    allows: Callable[[Caller | None], bool]
    says: str


def _everybody(_: Caller | None) -> bool:
    return True


def _signed_in(caller: Caller | None) -> bool:
    return caller is not None


def holds(*roles: str) -> Callable[[Caller | None], bool]:
    """Return the policy that wants one of these roles."""
    wanted = frozenset(roles)
    return lambda caller: caller is not None and bool(caller.roles & wanted)


OPERATORS = ("admin", "sales_ops")
STARTERS = ("admin", "sales_ops", "account_executive", "sales", "integration")

PAGE = Policy("page", _signed_in, "anyone of the company")
API = Policy("api", _signed_in, "anyone of the company")
OPEN_PAGE = Policy("page", _everybody, "everybody")
OPEN = Policy("open", _everybody, "everybody")
WEBHOOK = Policy("webhook", _everybody, "everybody who signs")
STARTS = Policy("api", holds(*STARTERS), "sales, sales operations, admin")
SETTLES = Policy("api", holds(*OPERATORS, "operations"), "sales operations, operations, admin")
OPERATES = Policy("page", holds(*OPERATORS, "operations", "delivery_manager"), "sales operations, operations, admin")

POLICIES: Mapping[tuple[str, str], Policy] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/api/openapi.json"): OPEN,
    ("GET", "/problems/{code}"): OPEN_PAGE,
    ("POST", "/webhooks/hubspot"): WEBHOOK,
    ("POST", "/webhooks/slack"): WEBHOOK,
    # What programs use.
    ("POST", "/api/deals"): STARTS,
    ("GET", "/api/deals"): API,
    ("GET", "/api/deals/{source}/{source_id}"): API,
    ("GET", "/api/deals/{source}/{source_id}/explain"): API,
    ("GET", "/api/deals/{source}/{source_id}/journal"): API,
    ("GET", "/api/deals/{source}/{source_id}/documents"): API,
    ("GET", "/api/deals/{source}/{source_id}/effects"): API,
    ("POST", "/api/deals/{source}/{source_id}/acts"): API,
    ("GET", "/api/inbox"): API,
    ("GET", "/api/requests/{request_id:path}"): API,
    ("POST", "/api/requests/decide"): API,
    ("POST", "/api/attachments"): API,
    ("POST", "/api/deals/{source}/{source_id}/preview"): API,
    ("GET", "/api/people"): API,
    ("PATCH", "/api/people/{person_id}"): API,
    ("GET", "/api/absences"): API,
    ("POST", "/api/absences"): API,
    ("POST", "/api/absences/{absence_id}/end"): API,
    ("POST", "/api/effects/settle"): SETTLES,
    ("GET", "/api/flows"): API,
    ("GET", "/api/incidents"): API,
    ("GET", "/api/onboardings"): API,
    ("GET", "/api/onboardings/{source}/{source_id}"): API,
    ("POST", "/api/onboardings/{source}/{source_id}/acts"): API,
    ("GET", "/api/events"): API,
    # What people see.
    ("GET", "/"): PAGE,
    ("GET", "/sign-in"): OPEN_PAGE,
    ("POST", "/sign-in"): OPEN_PAGE,
    ("POST", "/sign-out"): PAGE,
    ("GET", "/inbox"): PAGE,
    ("POST", "/inbox"): PAGE,
    ("GET", "/inbox/next"): PAGE,
    ("GET", "/team"): PAGE,
    ("GET", "/approvals"): PAGE,
    ("GET", "/policies"): PAGE,
    ("GET", "/requests/{source}/{source_id}/{rest:path}"): PAGE,
    ("POST", "/requests/{source}/{source_id}/{rest:path}"): PAGE,
    ("GET", "/deals"): PAGE,
    ("GET", "/deals/{source}/{source_id}"): PAGE,
    ("POST", "/deals/{source}/{source_id}/acts"): PAGE,
    ("GET", "/deals/{source}/{source_id}/journal"): PAGE,
    ("GET", "/deals/{source}/{source_id}/preview"): PAGE,
    ("POST", "/deals/{source}/{source_id}/preview"): PAGE,
    ("GET", "/deals/{source}/{source_id}/attachments/{sha256}"): PAGE,
    ("GET", "/documents/{sha256}"): PAGE,
    ("GET", "/flows"): PAGE,
    ("GET", "/flows/{name}"): PAGE,
    ("GET", "/flows/{name}/rehearsal"): PAGE,
    ("GET", "/onboarding"): PAGE,
    ("GET", "/onboarding/{source}/{source_id}"): PAGE,
    ("POST", "/onboarding/{source}/{source_id}/acts"): PAGE,
    ("GET", "/absences"): PAGE,
    ("POST", "/absences"): PAGE,
    ("POST", "/absences/{absence_id}/end"): PAGE,
    ("GET", "/people"): PAGE,
    ("GET", "/people/{person_id}"): PAGE,
    ("POST", "/people/{person_id}"): PAGE,
    ("GET", "/incidents"): PAGE,
    ("GET", "/inbound"): OPERATES,
    ("GET", "/sandboxes"): PAGE,
    # A link from a mail opens here; answering needs the session of the person it was sent to.
    ("GET", "/a/{token}"): OPEN_PAGE,
    ("POST", "/a/{token}"): OPEN_PAGE,
    # The customer signs here; the token of the link is the key, a form token of the visit protects the post.
    ("GET", "/sign/{token}"): OPEN_PAGE,
    ("POST", "/sign/{token}"): OPEN_PAGE,
    ("GET", "/sign/{token}/document"): OPEN_PAGE,
}


def policy_of(method: str, path: str) -> Policy | None:
    """Return the policy of a route; None closes it."""
    return POLICIES.get(("GET" if method == "HEAD" else method, path))


# Who may answer is in the deal's state, with those who have answered already: the workflow says so, atomically.
ANSWERS = frozenset({"decide", "complete", "ask_information"})
OWNER_ACTS = frozenset({"hold", "release", "cancel", "revise", "resubmit", "end", "recall", "give_information"})
REPAIRS = frozenset({"retry", "change_input", "skip", "complete_by_hand"})
# Steering who is asked: the people of the request and operators; who asked may add somebody and remind them.
STEERING = frozenset({"reassign", "add_approver", "nudge"})
# Anybody may comment; an answer can be taken back only by whoever gave it, which the workflow knows.
ANYBODYS = frozenset({"comment", "undo"})
# Signing is the customer's and comes through the sign page only, never through the acts of a signed-in person.
CUSTOMER_ACTS = frozenset({"sign", "decline"})


@dataclass(frozen=True)
class Asked:
    """What an act is about, as the database has it now: the deal's owner and whom the step waits for."""

    owner: str
    owner_manager: str | None
    waiting_on: frozenset[str]
    named: frozenset[str] = frozenset()
    """Everybody who is or was asked in this round."""
    through: frozenset[str] = frozenset()
    """The roles through which the caller is asked, where nothing else makes them an approver."""


def refusal(caller: Caller, do: str, asked: Asked) -> str | None:
    """Return the code that refuses this act to this person, None when it may go to the workflow.

    The workflow checks the people of a request; it does not know who holds which role, so that is checked here.
    """
    operator = bool(caller.roles & set(OPERATORS))
    if do in CUSTOMER_ACTS:
        return "not_allowed"
    if do == "override":
        return None if "admin" in caller.roles else "not_allowed"
    if do == "people_changed":
        return None if operator else "not_allowed"
    if do in ANYBODYS:
        return None
    if do in ANSWERS and asked.through and not asked.through & caller.roles:
        return "lost_role"
    if caller.id in asked.waiting_on:
        return None
    if do in ANSWERS:
        return None
    owns = caller.id in {asked.owner, asked.owner_manager}
    if do in STEERING:
        helps = operator or caller.id in asked.named or (owns and do != "reassign")
        return None if helps else "not_yours"
    if do in REPAIRS or do == "answer":
        return None if operator or "operations" in caller.roles or caller.id == asked.owner else "not_allowed"
    if do in OWNER_ACTS:
        return None if operator or owns else "not_allowed"
    return "not_yours"


def onboarding_refusal(caller: Caller, manager: str, task_owner: str) -> str | None:
    """Return the code that refuses a task's act to this person."""
    if caller.id in {manager, task_owner} or caller.roles & {"delivery_manager", "delivery_head", *OPERATORS}:
        return None
    return "not_allowed"
