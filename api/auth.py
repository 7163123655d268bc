"""Who is asking: a signed session cookie or a bearer token, always a person of the company."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from models.tables.people import Person

SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Caller:
    """The person behind a request, with the roles held at this moment."""

    id: str
    name: str
    title: str
    roles: frozenset[str]
    zone: str
    country: str
    via: Literal["session", "token", "chat"]

    @classmethod
    def of(cls, person: Person, via: Literal["session", "token", "chat"]) -> Caller:
        return cls(person.id, person.name, person.title, frozenset(person.roles), person.zone, person.country, via)


@dataclass(frozen=True)
class Session:
    """What the cookie says. A visitor has one too, so that the sign-in form itself is protected."""

    person: str | None
    nonce: str
    issued: int


class Sessions:
    """Signs and reads the session cookie, and the form tokens derived from it."""

    def __init__(self, key: str, *, https: bool) -> None:
        self._key, self.https = key.encode(), https

    @property
    def cookie(self) -> str:
        """The cookie's name. Browsers refuse `__Host-` without https, so loopback http goes without it."""
        return "__Host-throughline" if self.https else "throughline"

    def issue(self, person: str | None, now: int) -> tuple[Session, str]:
        """Return a new session and its cookie value."""
        session = Session(person, secrets.token_urlsafe(18), now)
        body = _pack(json.dumps([session.person, session.nonce, session.issued]).encode())
        return session, f"{body}.{self._sign('session', body)}"

    def read(self, cookie: str | None, now: int) -> Session | None:
        """Return the session of a cookie, None when it is missing, forged or over."""
        body, _, signature = (cookie or "").partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", body).encode()):
            return None
        try:
            person, nonce, issued = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (ValueError, binascii.Error):
            return None
        return Session(person, nonce, issued) if 0 <= now - issued < SESSION_SECONDS else None

    def form_token(self, session: Session) -> str:
        """Return the token every form of this session carries."""
        return self._sign("form", session.nonce)

    def form_token_fits(self, session: Session | None, token: str) -> bool:
        return session is not None and hmac.compare_digest(self.form_token(session).encode(), token.encode())

    def _sign(self, purpose: str, text: str) -> str:
        return _pack(hmac.digest(self._key, f"{purpose}|{text}".encode(), "sha256"))


class Tokens:
    """The bearer tokens of this installation: SHA-256 of the token -> person. The tokens themselves are not kept."""

    def __init__(self, hashed: Mapping[str, str]) -> None:
        self._hashed = dict(hashed)

    def person(self, token: str) -> str | None:
        """Return whose token it is."""
        return self._hashed.get(hashed(token))


def hashed(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def bearer(request: Request) -> str | None:
    """Return the token of the Authorization header, if it carries one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def on_loopback(request: Request) -> bool:
    """Say whether both ends of the connection are this machine: the demo's sign-in is open to nobody else."""
    host = request.url.hostname or ""
    return _loopback(request.client.host if request.client else "") and (host == "localhost" or _loopback(host))


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
