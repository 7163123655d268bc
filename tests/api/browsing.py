"""A browser without a browser: signs in, reads forms and posts them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@asynccontextmanager
async def sign_in(url: str, person: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client signed in as this person."""
    async with httpx2.AsyncClient(base_url=url, follow_redirects=False, timeout=30) as client:
        page = await client.get("/sign-in")
        answer = await client.post("/sign-in", data={"person": person, "form_token": form_token(page.text)})
        assert answer.status_code == 303, answer.text[:500]
        yield client


def form_token(page: str) -> str:
    """Return the token of the forms on a page."""
    found = _TOKEN.search(page)
    assert found, "the page has no form"
    return found[1]


async def post(client: httpx2.AsyncClient, page: str, to: str | None = None, **fields: Any) -> httpx2.Response:
    """Open a page and post its form with these fields."""
    opened = await client.get(page)
    return await client.post(to or page, data={"form_token": form_token(opened.text), **fields})
