"""Are these bytes from HubSpot, from now, and what do they say happened?"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from connectors.contract import EventKind, Forged, InboundEvent, Stale, Unreadable

# HubSpot, "Validating requests": reject a timestamp older than five minutes. Ours also refuses the future, which a
# stolen secret or a broken clock could otherwise use to keep one delivery valid for ever.
WINDOW = timedelta(minutes=5)

# HubSpot signs the address with these, and only these, decoded ("Validating requests", v3, the table of characters).
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip

_DEAL = "0-3"
_KINDS = {
    "creation": EventKind.CREATED,
    "propertyChange": EventKind.CHANGED,
    "associationChange": EventKind.CHANGED,
    "deletion": EventKind.DELETED,
    "privacyDeletion": EventKind.DELETED,
    "restore": EventKind.RESTORED,
    "merge": EventKind.MERGED,
}


def signature(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """Return X-HubSpot-Signature-v3: base64 of HMAC-SHA256 over method, address, body and timestamp."""
    for coded, plain in _DECODED.items():
        uri = uri.replace(coded, plain).replace(coded.lower(), plain)
    signed = method.encode() + uri.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def verify(
    secret: str, method: str, uri: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> list[InboundEvent]:
    """Return the events of one delivery; raises Forged, Stale or Unreadable."""
    given = {name.lower(): value for name, value in headers.items()}
    signed, timestamp = given.get("x-hubspot-signature-v3"), given.get("x-hubspot-request-timestamp")
    if not signed or not timestamp:
        raise Forged("the delivery carries no v3 signature or no timestamp; check that the app signs with v3")
    right = signature(secret, method, uri, body, timestamp)
    if not hmac.compare_digest(right.encode(), signed.encode()):
        raise Forged("the signature does not fit; check the client secret and the public address of this server")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        raise Forged("the timestamp is not a number of milliseconds")
    if abs(now - _instant(int(timestamp))) > WINDOW:
        raise Stale("the delivery is more than five minutes old, or ahead; check this machine's clock")
    try:
        wire = _DELIVERY.validate_json(body)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"not an array of events as HubSpot documents it ({place}: {first['msg']})") from None
    return [event.inbound() for event in wire]


def _instant(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


class _Event(BaseModel):
    """One event as HubSpot sends it ("Webhooks API", "JSON payload formats")."""

    model_config = ConfigDict(extra="ignore")
    event_id: int = Field(alias="eventId")
    subscription_id: int = Field(0, alias="subscriptionId")
    subscription_type: str = Field(alias="subscriptionType")
    object_type_id: str | None = Field(None, alias="objectTypeId")
    object_id: int | None = Field(None, alias="objectId")
    from_object_id: int | None = Field(None, alias="fromObjectId")
    primary_object_id: int | None = Field(None, alias="primaryObjectId")
    new_object_id: int | None = Field(None, alias="newObjectId")
    merged_object_ids: list[int] = Field([], alias="mergedObjectIds")
    occurred_at: int = Field(alias="occurredAt", ge=0, le=253_402_300_799_000)

    def inbound(self) -> InboundEvent:
        of, _, what = self.subscription_type.partition(".")
        about_deal = of == "deal" or (of == "object" and self.object_type_id == _DEAL)
        kind = _KINDS.get(what, EventKind.OTHER) if about_deal else EventKind.OTHER
        survivor = self.new_object_id or self.primary_object_id if kind is EventKind.MERGED else None
        about = survivor or self.object_id or self.from_object_id or 0
        return InboundEvent(
            # eventId alone "is not guaranteed to be unique" (same page); attemptNumber differs between repeats.
            event_key=f"{self.event_id}.{self.subscription_id}.{self.occurred_at}",
            kind=kind,
            object_id=str(about),
            occurred_at=_instant(self.occurred_at),
            merged_ids=tuple(str(each) for each in self.merged_object_ids if each != about),
        )


_DELIVERY = TypeAdapter(list[_Event])
