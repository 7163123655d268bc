"""The tokens of links in mails: the same for the same person and request, not to be guessed without the key."""

from __future__ import annotations

import hashlib
import hmac


def link_token(key: bytes, request: str, person: str) -> str:
    """Return the token of a person's link to a request; only its SHA-256 is kept, and it decides nothing alone."""
    return hmac.new(key, f"door|{request}|{person}".encode(), hashlib.sha256).hexdigest()
