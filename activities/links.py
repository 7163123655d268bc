"""The tokens of links in mails: the same for the same person and request, not to be guessed without the key."""

from __future__ import annotations

import hashlib
import hmac


def link_token(key: bytes, request: str, person: str) -> str:
    """Return the token of a person's link to a request; only its SHA-256 is kept, and it decides nothing alone."""
    return hmac.new(key, f"door|{request}|{person}".encode(), hashlib.sha256).hexdigest()


def signing_token(key: bytes, request: str, address: str) -> str:
    """Return the token of a signer's link: the same for the same request, not to be guessed without the key."""
    return hmac.new(key, f"{request}|{address}".encode(), hashlib.sha256).hexdigest()


def hashed(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
