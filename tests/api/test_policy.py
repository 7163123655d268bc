"""One policy table decides who may use which door; what is not in it is closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from api.app import create
from api.policy import POLICIES, Asked, onboarding_refusal, policy_of, refusal
from connectors.database import Database
from tests.api.company import PEOPLE
from tests.api.conftest import as_token, settings
from tests.conftest import settings_for


def closed_app() -> FastAPI:
    """The application, connected to nothing."""
    database = Database.at(settings_for("postgresql://nobody@127.0.0.1:9/none"))
    return create(settings(9), database=database, relaying=False)


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    def walk(found: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
        for route in found:
            if isinstance(route, APIRoute | Route):
                yield from ((method, prefix + route.path) for method in sorted(route.methods or ()))
            elif not isinstance(route, Mount):
                inner = getattr(route, "original_router", None) or getattr(route, "router", None)
                assert isinstance(inner, APIRouter), f"an unknown kind of route: {route!r}"
                yield from walk(inner.routes, prefix + getattr(route, "prefix", ""))

    yield from walk(app.routes)


def test_every_route_has_a_policy_and_every_policy_a_route() -> None:
    known = {(method, path) for method, path in routes(closed_app()) if method != "HEAD"}
    assert len(known) > 40
    assert known - set(POLICIES) == set()
    assert set(POLICIES) - known == set()


def test_only_the_static_files_are_mounted_beside_the_policies() -> None:
    assert [route.path for route in closed_app().routes if isinstance(route, Mount)] == ["/static"]


def test_a_route_without_a_policy_is_closed() -> None:
    assert policy_of("GET", "/api/forgotten") is None
    assert policy_of("DELETE", "/api/deals") is None


async def test_a_forgotten_route_answers_nobody() -> None:
    app = closed_app()

    @app.get("/api/forgotten")
    async def forgotten() -> dict[str, str]:
        return {"secret": "yes"}

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:9") as client:
        answer = await client.get("/api/forgotten")
    assert answer.status_code == 403
    assert answer.json()["code"] == "no_policy"


def example(path: str) -> str:
    known = {"sha256": "0" * 64, "token": "x" * 20, "code": "stale", "source": "hubspot", "source_id": "1"}
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: known.get(found[1], "x"), path)


CLOSED = [(m, p) for (m, p), policy in POLICIES.items() if not policy.allows(None)]


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_a_stranger_gets_nowhere(anyone: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await anyone.request(method, example(path))
    assert answer.status_code in {401, 303}
    if answer.status_code == 303:
        assert answer.headers["location"].startswith("/sign-in")
    else:
        assert "www-authenticate" in answer.headers


async def test_an_unknown_token_is_refused(doors: str) -> None:
    async with as_token(doors, "mallory") as client:
        answer = await client.get("/api/inbox")
    assert answer.status_code == 401
    assert answer.json()["code"] == "sign_in_needed"


@pytest.mark.parametrize(("person", "status"), [("iris", 200), ("marco", 200), ("noor", 403), ("dana", 403)])
async def test_inbound_events_are_for_those_who_keep_it_running(doors: str, person: str, status: int) -> None:
    async with as_token(doors, person) as client:
        assert (await client.get("/inbound")).status_code == status


@pytest.mark.parametrize(("person", "code"), [("noor", "wrong_role"), ("hiro", "wrong_role"), ("marco", "wrong_role")])
async def test_only_sales_starts_deals(doors: str, person: str, code: str) -> None:
    async with as_token(doors, person) as client:
        answer = await client.post("/api/deals", json={}, headers={"Idempotency-Key": "12345678"})
    assert answer.status_code == 403
    assert answer.json()["code"] == code


def caller(name: str) -> Any:
    from api.auth import Caller

    return Caller.of(next(p for p in PEOPLE if p.id == name), "token")


ASKED = Asked(owner="dana", owner_manager="vera", waiting_on=frozenset({"noor"}))


@pytest.mark.parametrize(
    ("person", "do", "code"),
    [
        ("dana", "hold", None),
        ("vera", "cancel", None),
        ("iris", "release", None),
        ("noor", "hold", None),
        ("hiro", "hold", "not_allowed"),
        ("hiro", "cancel", "not_allowed"),
        ("hiro", "revise", "not_allowed"),
        ("hiro", "decide", None),
        ("hiro", "retry", "not_allowed"),
        ("marco", "retry", None),
        ("dana", "skip", None),
        ("iris", "sign", "not_allowed"),
        ("noor", "decline", "not_allowed"),
        ("hiro", "something_new", "not_yours"),
    ],
)
def test_who_may_do_what_to_a_deal(person: str, do: str, code: str | None) -> None:
    assert refusal(caller(person), do, ASKED) == code


@pytest.mark.parametrize(
    ("person", "code"),
    [("marco", None), ("hiro", None), ("daniel", None), ("dana", "not_allowed"), ("joel", "not_allowed")],
)
def test_who_may_move_a_task(person: str, code: str | None) -> None:
    assert onboarding_refusal(caller(person), "marco", "hiro") == code
