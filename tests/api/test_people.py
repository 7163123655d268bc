"""Changing people: what admins and people themselves may change, what is refused in words, and what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from sqlmodel import col, delete, select, update

from activities.people import everybody
from api.app import create
from connectors.database import Database
from models.tables.people import PeopleChange, Person
from models.tables.requests import Request
from tests.api.browsing import form_token
from tests.api.company import PEOPLE_COPIES, TOKENS, Company
from tests.api.conftest import settings

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
async def anyone(rows: Company, database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """The doors on this module's database; the company is as it was after each test."""
    del rows
    app = create(settings(9), database=database, tokens=TOKENS, relaying=False, now=lambda: NOW)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:9") as client:
        yield client
    async with database.write() as session:
        await session.execute(delete(PeopleChange))
        for person in PEOPLE_COPIES():
            await session.merge(person)


async def change(client: httpx2.AsyncClient, by: str, person: str, **given: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer token-of-{by}"}
    return await client.patch(f"/api/people/{person}", json=given, headers=headers)


async def changes(database: Database) -> list[PeopleChange]:
    async with database.read() as session:
        return list(await session.scalars(select(PeopleChange)))


async def test_deactivating_somebody_says_what_to_look_after_and_leaves_one_change_for_the_sweep(
    anyone: httpx2.AsyncClient, database: Database
) -> None:
    async with database.write() as session:
        asked = update(Request).where(col(Request.step) == "approval:finance", col(Request.state) == "open")
        await session.execute(asked.values(asks=["role:finance"]))
    answer = await change(anyone, "iris", "noor", active=False)
    again = await change(anyone, "iris", "noor", active=False)
    assert answer.json()["person"]["active"] is False
    assert "Nobody holds finance any more" in answer.json()["notes"][0]
    assert "ask" in answer.json()["notes"][0]
    assert answer.json()["deals"] > 0
    assert again.json()["deals"] == 0
    (left,) = await changes(database)
    assert (left.people, left.keys) == (["noor"], ["person:noor", "role:finance"])
    assert left.reason == "Noor Halvorsen: no longer active (by Iris Castell)"


async def test_a_role_taken_away_is_looked_for_by_its_old_name_too(
    anyone: httpx2.AsyncClient, database: Database
) -> None:
    assert (await change(anyone, "iris", "hiro", roles=["finance", "finance"])).json()["person"]["roles"] == ["finance"]
    (left,) = await changes(database)
    assert sorted(left.keys) == ["person:hiro", "role:finance", "role:security"]
    assert left.reason == "Hiro Tanabe: now finance; no longer security (by Iris Castell)"


@pytest.mark.parametrize(
    ("person", "given", "field", "says"),
    [
        ("noor", {"manager": "mallory"}, "manager", "There is no person 'mallory'."),
        ("noor", {"manager": "noor"}, "manager", "Noor Halvorsen cannot lead themselves."),
        ("vera", {"manager": "noor"}, "manager", "Noor Halvorsen is led by Vera Lindqvist. Change that first."),
        ("iris", {"roles": ["sales_ops"]}, "roles", "Iris Castell is the only admin. Make somebody else admin first."),
        ("iris", {"active": False}, "active", "Iris Castell is the only admin."),
        ("noor", {"zone": "Mars/Olympus"}, "zone", "Unknown time zone 'Mars/Olympus'; use an IANA name"),
        ("noor", {"country": "XX"}, "country", "No public holidays are known for XX"),
        ("noor", {"calendar": {"week": [[]] * 7}}, "calendar", "A calendar without working hours would never let"),
        (
            "noor",
            {"calendar": {"week": [[["17:00", "09:00"]], *[[]] * 6]}},
            "calendar",
            "The hours of a day must be in",
        ),
        ("noor", {"notify": {"quiet": ["20:00"]}}, "notify", "Quiet hours need two different times, from and until."),
        ("noor", {"notify": {"channels": ["slack"]}}, "notify", "Noor Halvorsen has no Slack user id."),
        ("noor", {"roles": None}, "roles", "The roles cannot be empty."),
    ],
)
async def test_what_cannot_be_meant_is_refused_beside_its_field_and_nothing_changes(
    anyone: httpx2.AsyncClient, database: Database, person: str, given: dict[str, Any], field: str, says: str
) -> None:
    answer = await change(anyone, "iris", person, **given)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert says in {error["field"]: error["message"] for error in answer.json()["errors"]}[field]
    assert await changes(database) == []


async def test_an_unknown_person_and_unreadable_values_are_said_so(anyone: httpx2.AsyncClient) -> None:
    assert (await change(anyone, "iris", "mallory", active=False)).status_code == 404
    for given in (
        {"roles": ["Not A Role"]},
        {"calendar": {"week": [[]]}},
        {"notify": {"digest": "late"}},
        {"name": "x"},
    ):
        assert (await change(anyone, "iris", "noor", **given)).json()["code"] == "unreadable"


async def test_people_change_their_own_hours_and_messages_and_nothing_else(
    anyone: httpx2.AsyncClient, database: Database
) -> None:
    hours = {"week": [[["08:00", "12:00"]]] * 4 + [[]] * 3, "days_off": ["2026-12-24"], "region": "BY"}
    own = await change(anyone, "noor", "noor", zone="Europe/Berlin", country="DE", calendar=hours)
    assert own.status_code == 200
    told = await change(anyone, "noor", "noor", notify={"channels": ["mail"], "digest": "08:30"})
    assert told.json()["person"]["notify"] == {"channels": ["mail"], "digest": "08:30"}
    assert len(await changes(database)) == 1, "how somebody is told changes nobody's requests"
    for by, person, given in (("noor", "noor", {"roles": ["ceo"]}), ("noor", "hiro", {"zone": "UTC"})):
        refused = await change(anyone, by, person, **given)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    async with database.read() as session:
        found = (await everybody(session)).calendars["noor"]
    assert (found.zone, found.region, [len(day) for day in found.week]) == ("Europe/Berlin", "BY", [1] * 4 + [0] * 3)
    usual = await change(anyone, "noor", "noor", calendar={"week": None})
    assert usual.json()["person"]["calendar"] is None


async def test_hours_that_cannot_be_used_leave_the_companys_to_count(
    anyone: httpx2.AsyncClient, database: Database
) -> None:
    del anyone
    async with database.write() as session:
        kept = {"week": [[]] * 7}
        await session.execute(update(Person).where(col(Person.id) == "noor").values(calendar=kept))
    async with database.read() as session:
        directory = await everybody(session)
    assert "noor" not in directory.calendars
    assert directory.having("finance") == ["noor"]


async def test_the_pages_list_people_and_take_changes_with_what_is_wrong_beside_the_field(
    anyone: httpx2.AsyncClient, database: Database
) -> None:
    page = await anyone.get("/sign-in")
    await anyone.post("/sign-in", data={"person": "iris", "form_token": form_token(page.text)})
    listed = await anyone.get("/people")
    assert "Noor Halvorsen" in listed.text
    form = await anyone.get("/people/noor")
    held = {"form_token": form_token(form.text)}
    hours = {"what": "hours", "zone": "Europe/Berlin", "country": "de", "monday": "9:00-12:00, 13:00-17:00"}
    wrong = await anyone.post("/people/noor", data={**held, **hours, "tuesday": "all day"})
    assert wrong.status_code == 422
    assert "Tuesday: write hours such as 09:00-17:00, or leave the day empty." in wrong.text
    assert 'value="all day"' in wrong.text
    date = await anyone.post("/people/noor", data={**held, **hours, "days_off": "2026-13-01"})
    assert 'aria-describedby="p-days-off-wrong"' in date.text
    none = await anyone.post("/people/noor", data={**held, "what": "hours", "zone": "UTC", "country": "US"})
    assert "A calendar without working hours" in none.text
    right = await anyone.post("/people/noor", data={**held, **hours})
    assert right.status_code in {200, 303}
    async with database.read() as session:
        kept = (await session.scalars(select(Person).where(col(Person.id) == "noor"))).one()
    assert kept.country == "DE"
    assert kept.calendar is not None
    assert kept.calendar["week"][:2] == [[["09:00:00", "12:00:00"], ["13:00:00", "17:00:00"]], []]
    silent = await anyone.post("/people/noor", data={**held, "what": "telling"})
    assert "Choose at least one way to be told." in silent.text
    gone = await anyone.post("/people/noor", data={**held, "what": "place", "roles": "finance", "manager": "vera"})
    assert "no longer active" in gone.text
