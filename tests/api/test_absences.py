"""Time away over JSON and on its page: who may enter it, what is refused in words, what it leaves for the sweep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from sqlmodel import col, delete, select

from api.app import create
from connectors.database import Database
from models.tables.people import AbsenceRow, PeopleChange
from tests.api.browsing import form_token
from tests.api.company import TOKENS, Company
from tests.api.conftest import settings

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
async def anyone(rows: Company, database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """The doors on this module's database, at a fixed moment; nothing runs behind them."""
    del rows
    app = create(settings(9), database=database, tokens=TOKENS, relaying=False, now=lambda: NOW)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:9") as client:
        yield client
    async with database.write() as session:
        await session.execute(delete(AbsenceRow))
        await session.execute(delete(PeopleChange))


def token(person: str) -> dict[str, str]:
    return {"Authorization": f"Bearer token-of-{person}"}


async def enter(client: httpx2.AsyncClient, by: str, **given: Any) -> httpx2.Response:
    asked = {"starts": "2026-12-01", "ends": "2026-12-04", **given}
    return await client.post("/api/absences", json=asked, headers=token(by))


async def test_days_are_those_of_the_persons_zone_and_the_last_one_counts_to_its_end(
    anyone: httpx2.AsyncClient,
) -> None:
    entered = (await enter(anyone, "noor", delegate="daniel", note="Leave")).json()["absence"]
    assert (entered["person"], entered["zone"], entered["state"]) == ("noor", "America/Chicago", "planned")
    assert (entered["starts"], entered["ends"]) == ("2026-12-01T06:00:00Z", "2026-12-05T06:00:00Z")


@pytest.mark.parametrize(
    ("zone", "starts", "instant"),
    [
        ("Asia/Kolkata", "2026-12-01", "2026-11-30T18:30:00Z"),
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:30:00Z"),  # an hour that spring skips
        ("America/Chicago", "2026-12-01T13:00", "2026-12-01T19:00:00Z"),
        ("America/Chicago", "2026-12-01T13:00+01:00", "2026-12-01T12:00:00Z"),
    ],
)
async def test_a_time_is_local_to_the_zone_named(
    anyone: httpx2.AsyncClient, zone: str, starts: str, instant: str
) -> None:
    entered = await enter(anyone, "noor", zone=zone, starts=starts, ends="2027-04-30")
    assert entered.json()["absence"]["starts"] == instant


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"person": "mallory"}, "person", "There is no person 'mallory'. Give the id of somebody of the company."),
        ({"delegate": "mallory"}, "delegate", "There is no person 'mallory'"),
        ({"delegate": "noor"}, "delegate", "Noor cannot stand in for themselves"),
        ({"delegate": "hanna"}, "delegate", "Hanna is not an active person of the company; name somebody else."),
        ({"starts": "2026-12-05"}, "ends", "The absence ends before it begins. Give an end after 5 Dec 2026."),
        ({"starts": "2026-11-02", "ends": "2026-11-06"}, "ends", "This absence is over already."),
        ({"starts": "tomorrow"}, "starts", "Give a day such as 2026-12-01, or a time such as 2026-12-01T13:00."),
        ({"ends": "2026-02-30"}, "ends", "Give a day such as 2026-12-01"),
        ({"ends": "2031-12-04"}, "ends", "This is longer than three years."),
        ({"starts": "0001-01-01"}, "starts", "This begins too far away"),
        ({"starts": "9999-12-31", "ends": "9999-12-31"}, "ends", "Give a day such as"),
        ({"zone": "Mars/Olympus"}, "zone", "There is no time zone 'Mars/Olympus'. Use an IANA name such as"),
        ({"zone": "../etc/passwd"}, "zone", "There is no time zone"),
        ({"roles": ["legal"], "delegate": "daniel"}, "roles", "Noor Halvorsen does not hold legal. They hold finance."),
        (
            {"facts": {"regoin": "west"}, "delegate": "daniel"},
            "facts",
            "No flow has a fact 'regoin'. They have account, ",
        ),
        ({"below": "50000"}, "delegate", "Name who stands in for these requests"),
    ],
)
async def test_what_cannot_be_meant_is_refused_beside_its_field_and_nothing_is_written(
    anyone: httpx2.AsyncClient, database: Database, given: dict[str, Any], field: str, says: str
) -> None:
    async with database.write() as session:
        await session.execute(_set_active("hanna", active=False))
    answer = await enter(anyone, "iris" if "person" in given else "noor", **given)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    errors = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert says.casefold() in errors[field].casefold()
    async with database.read() as session:
        assert (await session.scalars(select(AbsenceRow))).all() == []
        assert (await session.scalars(select(PeopleChange))).all() == []


def _set_active(person: str, *, active: bool) -> Any:
    from sqlmodel import update

    from models.tables.people import Person

    return update(Person).where(col(Person.id) == person).values(active=active)


async def test_a_circle_of_delegates_is_refused_with_everybody_in_it(anyone: httpx2.AsyncClient) -> None:
    assert (await enter(anyone, "noor", delegate="daniel")).status_code == 200
    assert (await enter(anyone, "iris", person="daniel", delegate="vera")).status_code == 200
    answer = await enter(anyone, "vera", delegate="noor", starts="2026-12-03", ends="2026-12-20")
    assert answer.json()["errors"][0]["field"] == "delegate"
    assert "ircular delegation: vera → noor → daniel → vera" in answer.json()["detail"]
    after = await enter(anyone, "vera", delegate="noor", starts="2026-12-05", ends="2026-12-20")
    assert after.status_code == 200, "the circle would only be there while the others are away"


async def test_the_same_time_is_not_entered_twice_but_may_be_for_other_requests(anyone: httpx2.AsyncClient) -> None:
    assert (await enter(anyone, "noor", delegate="daniel")).status_code == 200
    again = await enter(anyone, "noor", delegate="vera", starts="2026-12-04", ends="2026-12-09")
    assert "Noor Halvorsen is already away 1 Dec to 5 Dec. End that one first." in again.json()["detail"]
    part = await enter(anyone, "noor", delegate="vera", below="50000", facts={"data_class": "internal"})
    assert part.json()["absence"]["scope"] == {
        "facts": {"data_class": "internal"},
        "below": {"amount": "50000", "currency": "USD"},
    }


@pytest.mark.parametrize(("by", "status"), [("noor", 200), ("vera", 200), ("iris", 200), ("dana", 403), ("marco", 403)])
async def test_somebodys_absence_is_theirs_their_leaders_and_an_admins_to_enter(
    anyone: httpx2.AsyncClient, by: str, status: int
) -> None:
    answer = await enter(anyone, by, person="noor", delegate="daniel")
    assert answer.status_code == status
    if status == 200:
        ended = await anyone.post(f"/api/absences/{answer.json()['absence']['id']}/end", headers=token("dana"))
        assert (ended.status_code, ended.json()["code"]) == (403, "not_allowed")


async def test_everybody_sees_their_own_those_below_them_and_those_they_stand_in_for(
    anyone: httpx2.AsyncClient,
) -> None:
    await enter(anyone, "noor", delegate="marco")
    await enter(anyone, "dana", delegate="joel")
    seen = {}
    for person in ("noor", "marco", "joel", "hiro", "vera", "iris"):
        listed = (await anyone.get("/api/absences", headers=token(person))).json()
        seen[person] = [each["person"] for each in listed]
    both = ["noor", "dana"]
    assert {name: sorted(who) for name, who in seen.items()} == {
        "noor": ["noor"], "marco": ["noor"], "joel": ["dana"], "hiro": [], "vera": sorted(both), "iris": sorted(both)
    }  # fmt: skip


async def changes(database: Database) -> list[tuple[str, str, list[str], bool]]:
    async with database.read() as session:
        found = await session.scalars(select(PeopleChange).order_by(col(PeopleChange.due_at)))
        return [(c.id.rpartition("/")[2], f"{c.due_at:%m-%d %H}", c.people, c.done_at is not None) for c in found]


async def test_its_start_and_end_are_left_for_the_sweep(anyone: httpx2.AsyncClient, database: Database) -> None:
    entered = (await enter(anyone, "noor", delegate="daniel")).json()
    both = ["noor", "daniel"]
    assert await changes(database) == [("starts", "12-01 06", both, False), ("ends", "12-05 06", both, False)]
    await anyone.post(f"/api/absences/{entered['absence']['id']}/end", headers=token("noor"))
    assert [done for *_, done in await changes(database)] == [True, True], "taken back before anything moved"


async def test_ending_it_early_brings_requests_back_at_once(anyone: httpx2.AsyncClient, database: Database) -> None:
    entered = (await enter(anyone, "noor", delegate="daniel", starts="2026-11-20")).json()["absence"]
    assert entered["state"] == "running"
    ended = await anyone.post(f"/api/absences/{entered['id']}/end", headers=token("noor"))
    again = await anyone.post(f"/api/absences/{entered['id']}/end", headers=token("noor"))
    assert (ended.json()["state"], ended.json()["ended_at"]) == ("over", "2026-11-23T15:00:00Z")
    assert again.json() == ended.json()
    open_now = [(what, at) for what, at, _, done in await changes(database) if not done]
    assert open_now == [("ended", "11-23 15")]


async def test_leave_nobody_stands_in_for_moves_clocks_as_soon_as_it_is_known(
    anyone: httpx2.AsyncClient, database: Database
) -> None:
    entered = await enter(anyone, "noor")
    assert "Nobody stands in" in entered.json()["notes"][0]
    assert await changes(database) == [("entered", "11-23 15", ["noor"], False)]


async def test_one_is_told_that_the_delegate_is_away_too(anyone: httpx2.AsyncClient) -> None:
    await enter(anyone, "iris", person="daniel")
    entered = await enter(anyone, "noor", delegate="daniel")
    assert entered.json()["notes"] == ["Daniel Reyes is away for part of this and named nobody; those requests wait."]


async def test_the_page_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed(
    rows: Company, database: Database
) -> None:
    del rows
    app = create(settings(9), database=database, tokens=TOKENS, relaying=False, now=lambda: NOW)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:9") as client:
        page = await client.get("/sign-in")
        await client.post("/sign-in", data={"person": "noor", "form_token": form_token(page.text)})
        empty = await client.get("/absences")
        assert "Nobody is away" in empty.text
        typed = {"from": "2026-12-05", "until": "2026-12-01", "delegate": "daniel", "note": "Leave & rest"}
        held = {"form_token": form_token(empty.text)}
        wrong = await client.post("/absences", data={**held, **typed})
        assert wrong.status_code == 422
        assert 'aria-describedby="a-until-wrong"' in wrong.text
        assert "The absence ends before it begins." in wrong.text
        assert "Leave &amp; rest" in wrong.text
        amount = await client.post("/absences", data={**held, **typed, "below": "a lot"})
        assert "Give an amount such as 50000." in amount.text
        missing = await client.post("/absences", data={**held, "from": "2026-12-01"})
        assert "Say on which day it ends." in missing.text
        right = await client.post("/absences", data={**held, **typed, "until": "2026-12-09", "below": "50,000"})
        assert right.status_code == 303
        shown = await client.get(right.headers["location"])
        assert "only below 50,000 USD" in shown.text
        assert "Take back" in shown.text
        ended = await client.post(right.headers["location"].replace("?entered=", "/") + "/end", data=held)
        assert ended.status_code == 303
        past = await client.get("/absences?over=true")
        assert "Taken back" in past.text
