"""Every way the doors say no: one table from refusal to RFC 9457 problem, each with what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5


@dataclass(frozen=True)
class Kind:
    """One row of the table: the status, what happened, and what the reader does now."""

    status: int
    title: str
    next: str


TABLE: Mapping[str, Kind] = {
    # The deal's workflow said no (models/acts.py).
    "not_yours": Kind(
        403, "This is not yours to answer", "Ask one of the people it waits for, or have it handed over."
    ),
    "not_allowed": Kind(403, "This act is not open to you", "Ask the deal's owner or sales operations to do it."),
    "already_answered": Kind(200, "This was already answered", "Nothing to do; the recorded answer is shown."),
    "closed": Kind(409, "This request is closed", "Open the deal to see what it waits for now."),
    "stale": Kind(409, "The content changed while you were reading", "Look at the difference, then answer again."),
    "not_ready": Kind(409, "This is just being opened", "Try again in a moment; nothing was changed."),
    "lost_role": Kind(
        403,
        "You no longer hold the role this asks",
        "Ask whoever keeps the roles, or let somebody who holds it answer.",
    ),
    "unknown_step": Kind(404, "The flow of this deal has no such step", "Open the deal to see its steps."),
    "reason_needed": Kind(422, "A reason is needed", "Say why in a sentence; the people affected read it."),
    "held": Kind(409, "The deal is on hold", "Release the hold first; the deal page shows who holds it and why."),
    "ended": Kind(409, "The deal has ended", "Nothing more can be done with it; the deal page shows how it ended."),
    "invalid": Kind(422, "This cannot be accepted", "Correct what the message names and send it again."),
    # The doors themselves said no.
    "sign_in_needed": Kind(401, "Sign in first", "Sign in, or send a token in the Authorization header."),
    "wrong_role": Kind(403, "Your role does not open this", "Ask somebody who holds one of the roles named."),
    "no_policy": Kind(403, "Nobody may use this address", "Tell whoever runs this installation."),
    "forged_form": Kind(
        403, "The form did not come from this site", "Open the page again and send the form from there."
    ),
    "unknown_deal": Kind(404, "There is no such deal", "Look for it in the list of deals."),
    "unknown_request": Kind(404, "There is no such request", "Open your inbox to see what waits for you."),
    "unknown_onboarding": Kind(404, "There is no such onboarding", "Look for it on the onboarding board."),
    "unknown_effect": Kind(404, "There is no such effect", "Open the deal to see what was done for it elsewhere."),
    "unknown_document": Kind(404, "There is no such document", "Open the deal to see its documents."),
    "unknown_link": Kind(404, "This link is not known", "Ask whoever sent it for a new one."),
    "foreign_link": Kind(403, "This link is for somebody else", "Sign in as the person it was sent to."),
    "spent_link": Kind(410, "This link no longer works", "Open the request from your inbox; it shows where it stands."),
    "unknown_attachment": Kind(404, "There is no such attachment", "Open the request to see what is attached to it."),
    "forbidden_file": Kind(
        422, "This kind of file cannot be attached", "Attach a PDF, PNG, JPEG, TXT, CSV, DOCX or XLSX of at most 10 MB."
    ),
    "not_found": Kind(404, "There is nothing at this address", "Check the address, or start from the inbox."),
    "no_such_method": Kind(405, "This address does not take that method", "See /api/openapi.json for what it takes."),
    "bad_signature": Kind(401, "The signature is wrong", "Sign the raw body with the secret both sides hold."),
    "stale_signature": Kind(401, "The signature is too old", "Send the event again with a fresh timestamp."),
    "replayed": Kind(401, "This request was sent before", "Do it again where it was done; a signature works once."),
    "too_large": Kind(413, "The request is too large", "Send less at once; large files go through the CRM."),
    "wrong_media": Kind(415, "The content type is not understood", "Send JSON with Content-Type: application/json."),
    "unreadable": Kind(422, "The request could not be read", "Correct the fields named and send it again."),
    "key_needed": Kind(422, "A one-time key is missing", "Send an Idempotency-Key header, new for each new act."),
    "key_reused": Kind(422, "The key was used for something else", "Use a new Idempotency-Key for a new request."),
    "same_key_running": Kind(
        409, "The same request is being worked on", "Wait a moment and repeat it with the same key."
    ),
    "no_flow": Kind(422, "No flow takes this deal", "Name a flow, or let sales operations add one that takes it."),
    "too_many": Kind(429, "Too many attempts", "Wait a minute, then try again."),
    "failed": Kind(500, "Something went wrong on our side", "Try again; if it stays, report the request id."),
    "misconfigured": Kind(503, "This door is not configured", "Whoever runs this installation sets what is named."),
    "database_down": Kind(503, "The database does not answer", "Nothing was changed. Try again in a few seconds."),
    "temporal_down": Kind(
        503, "The workflow service does not answer", "Repeat with the same key: an act is never done twice."
    ),
    "worker_down": Kind(
        503, "No worker picked this up in time", "Repeat with the same key: an act is never done twice."
    ),
}


class Problem(Exception):
    """A refusal on its way to the caller. `code` is a row of the table."""

    def __init__(self, code: str, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or TABLE[code].title)
        self.code, self.detail, self.extra = code, detail or TABLE[code].title, extra

    @property
    def kind(self) -> Kind:
        return TABLE[self.code]

    @property
    def headers(self) -> dict[str, str]:
        """What a client needs beside the body."""
        if self.kind.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {"Retry-After": str(RETRY_AFTER)} if self.kind.status in {429, 503} else {}

    def body(self, instance: str, request_id: str) -> ProblemBody:
        """Return the document of RFC 9457, with our extensions."""
        return ProblemBody(
            type=f"/problems/{self.code}",
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            instance=instance,
            code=self.code,
            next=self.kind.next,
            request_id=request_id,
            **self.extra,
        )


class ProblemBody(BaseModel):
    """A problem (RFC 9457). `code` is stable, `next` says what to do."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/stale",
                    "title": "The content changed while you were reading",
                    "status": 409,
                    "detail": "margin is now 21.4 %",
                    "instance": "/api/deals/hubspot/5012345/acts",
                    "code": "stale",
                    "next": "Look at the difference, then answer again.",
                    "request_id": "0f8fad5bd9cb469fa16570867728950e",
                }
            ]
        },
    )
    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    next: str
    request_id: str
    errors: list[FieldError] = Field(default_factory=list)


class FieldError(BaseModel):
    """One field that could not be read."""

    field: str
    message: str


def responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Describe these refusals in the OpenAPI description of a route."""
    by_status: dict[int | str, list[str]] = {}
    for code in codes:
        by_status.setdefault(TABLE[code].status, []).append(f"`{code}`: {TABLE[code].title}")
    schema = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return {status: {"description": "; ".join(texts), "content": schema} for status, texts in by_status.items()}
