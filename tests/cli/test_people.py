"""`throughline people` and `throughline absence`: what they print, change and refuse in one line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlmodel import select

from cli.main import run
from connectors.database import Database
from models.tables.people import PeopleChange
from tests.cli.conftest import Typed
from tests.workflows.worlds import employ


@pytest.fixture
async def typed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    database_url: str,
    tmp_path: Path,
) -> object:
    """Types a command; only the database runs."""
    monkeypatch.setenv("THROUGHLINE_STATE", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    await employ(database)

    async def type_(line: str) -> Typed:
        capsys.readouterr()
        code = await asyncio.to_thread(run, line.split())
        printed = capsys.readouterr()
        return Typed(code, printed.out, printed.err)

    return type_


@pytest.fixture
async def admin(database: Database) -> str:
    """The id of an admin."""
    from models.tables.people import Person

    async with database.write() as session:
        await session.merge(Person(id="ada", name="Ada", email="ada@halden.example", roles=["admin"]))
    return "ada"


async def test_somebody_goes_comes_back_and_moves(typed, admin: str, database: Database) -> None:
    gone = await typed(f"people deactivate hanna --as {admin}")
    assert (gone.code, gone.out.splitlines()[0]) == (0, "Hanna: saved; no open deal is affected.")
    assert "Nobody holds legal any more." in gone.out
    assert "· left" in (await typed("people list")).out
    assert (await typed(f"people reactivate hanna --as {admin}")).code == 0
    assert (await typed(f"people roles hanna --add cfo --remove legal --as {admin}")).code == 0
    assert (await typed(f"people manager hanna vera --as {admin}")).code == 0
    shown = json.loads((await typed("people show hanna --json")).out)
    assert (shown["active"], shown["roles"], shown["manager"]) == (True, ["cfo"], "vera")
    async with database.read() as session:
        reasons = [change.reason for change in await session.scalars(select(PeopleChange))]
    assert "Hanna: now cfo; no longer legal (by Ada)" in reasons
    assert "Hanna: led by vera (by Ada) · 0 deals told · on its way" in (await typed("people changes")).out


async def test_hours_are_said_day_by_day(typed, admin: str) -> None:
    half = "--day friday=09:00-13:00 --day monday= --day-off 2026-12-24"
    assert (await typed(f"people hours noor --zone Asia/Kolkata --country in {half} --as {admin}")).code == 0
    shown = (await typed("people show noor")).out
    assert "zone Asia/Kolkata, holidays of IN" in shown
    assert "works: tue 09:00-17:00; wed 09:00-17:00; thu 09:00-17:00; fri 09:00-13:00" in shown


async def test_time_away_is_entered_listed_and_taken_back(typed) -> None:
    entered = await typed(
        "absence add --as hiro --from 2027-03-01 --until 2027-03-05 --delegate sofia --role security --below 50000EUR"
    )
    assert "hiro · 2027-03-01" in entered.out
    assert "planned · sofia stands in · only roles: security · only below: 50000 EUR" in entered.out
    name = entered.out.split()[0]
    assert name in (await typed("absence list --as sofia")).out
    assert "Nobody is away." in (await typed("absence list --as joel")).out
    assert "taken back" in (await typed(f"absence end {name} --as hiro")).out
    assert "Nobody is away." in (await typed("absence list --as hiro")).out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("people deactivate mallory --as ada", "There is no person 'mallory'"),
        ("people deactivate noor --as hiro", "Only admins change people"),
        ("people deactivate noor --as mallory", "there is no active person 'mallory'"),
        ("people show mallory", "`throughline people list` shows who there is"),
        ("people roles noor --as ada", "say --add ROLE or --remove ROLE"),
        ("people roles noor --remove ceo --as ada", "noor does not hold ceo"),
        ("people roles noor --add 9 --as ada", "roles.1: String should match pattern"),
        ("people manager noor noor --as ada", "Noor cannot lead themselves"),
        ("people hours noor --zone Mars/Olympus --as ada", "Unknown time zone 'Mars/Olympus'; use an IANA name"),
        ("people hours noor --day noday=9-5 --as ada", "there is no day 'noday'"),
        ("people hours noor --day friday=late --as ada", "Friday: write hours such as 09:00-17:00"),
        ("absence add --as noor --from 2027-03-05 --until 2027-03-01", "The absence ends before it begins"),
        ("absence add --as noor --from soon --until 2027-03-01", "Give a day such as 2026-12-01"),
        ("absence add --as noor --from 2027-03-01 --until 2027-03-05 --zone Mars/X", "There is no time zone 'Mars/X'"),
        (
            "absence add --as noor --from 2027-03-01 --until 2027-03-05 --delegate noor",
            "cannot stand in for themselves",
        ),
        ("absence add --as noor --from 2027-03-01 --until 2027-03-05 --fact region", "say --fact as NAME=VALUE"),
        ("absence add --as noor --from 2027-03-01 --until 2027-03-05 --below much", "say --below as 50000 or 50000EUR"),
        ("absence end nothing --as noor", "There is no absence nothing"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_one_line(typed, admin: str, line: str, says: str) -> None:
    answer = await typed(line)
    assert answer.refused, answer
    assert says in answer.err
