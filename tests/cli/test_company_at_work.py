"""The live demo's company: deals in different places on the first start, and an audit that would see a duplicate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.local.places import Places
from cli.local.progress import Quiet
from cli.local.stack import Stack, running
from cli.playing.live import doors_to_open, move_in
from cli.playing.once import Play, open_stage, play
from cli.playing.outside import ask
from cli.playing.script import Cast
from tests.conftest import remove_state
from tests.faults.killing import with_ports_of_its_own

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, temporal_program: Path) -> Iterator[Stack]:
    """A company that has moved in."""
    places = with_ports_of_its_own(Places(tmp_path_factory.mktemp("company") / "state"))
    with running(places, Quiet()) as started:
        move_in(started.pages, started.vendors, started.env, Quiet())
        yield started
    remove_state(places)


@pytest.fixture(scope="module")
def cast(stack: Stack) -> Iterator[Cast]:
    people = open_stage(stack.pages, stack.vendors, stack.env, 120)
    yield people
    people.close()


@pytest.fixture(scope="module")
def played(cast: Cast) -> Play:
    """The big deal, played to its running onboarding."""
    return play(cast)


def deals(cast: Cast) -> list[dict[str, Any]]:
    listed = cast.person("iris").read("/api/deals", limit="100")["deals"]
    return [cast.person("iris").read(f"/api/deals/{each['id'].removeprefix('deal/')}") for each in listed]


def test_a_dozen_deals_stand_in_different_places(cast: Cast) -> None:
    found = deals(cast)
    assert len(found) == 12
    assert {deal["status"] for deal in found} == {"running", "hold", "won", "cancelled"}
    kinds = [wait["kind"] for deal in found for wait in deal["waits"]]
    assert {"approval", "question", "incident", "revise", "signature", "handoff", "hold"} <= set(kinds)
    missing = next(w for deal in found for w in deal["waits"] if w["kind"] == "question")
    assert "data class" in missing["reason"]
    assert kinds.count("incident") == 1
    assert [plan["account"] for plan in cast.person("marco").read("/api/onboardings")] == ["Meridale Clinics"]


def test_the_console_names_three_pages_that_open_for_their_people(stack: Stack, cast: Cast) -> None:
    lines = list(doors_to_open(stack.pages, stack.vendors, None))
    pages = [line.strip().partition("next=")[2] for line in lines if "/sign-in?next=" in line]
    assert len(pages) == 3
    for person, page in zip(("noor", "dana", "marco"), pages, strict=True):
        assert cast.person(person).read("/api/inbox") is not None  # signs in
        assert cast.person(person).get(page).status_code == 200, page


def test_the_next_start_plays_nothing_again(stack: Stack, cast: Cast) -> None:
    before = {deal["id"]: deal["seq"] for deal in deals(cast)}
    move_in(stack.pages, stack.vendors, stack.env, Quiet())
    assert {deal["id"]: deal["seq"] for deal in deals(cast)} == before


def test_a_played_deal_leaves_one_of_each(played: Play) -> None:
    assert played.faults == []


@pytest.mark.parametrize(("doctype", "thing"), [("Customer", "customer"), ("Sales Order", "sales order")])
def test_the_audit_sees_a_second_record_in_the_erp(stack: Stack, played: Play, doctype: str, thing: str) -> None:
    env = stack.env
    headers = {"Authorization": f"token {env['ERPNEXT_KEY']}:{env['ERPNEXT_SECRET']}"}
    made = played.cast.vendors.held("ERPNext", doctype)[-1]
    twin = {name: value for name, value in made.items() if name not in ("name", "throughline_key")}
    address = f"{env['ERPNEXT_BASE_URL']}/api/resource/{doctype}"
    httpx2.post(address, json=twin, headers=headers, trust_env=False).raise_for_status()
    assert any(thing in fault for fault in faults(played))


def test_the_audit_sees_a_field_that_somebody_wrote_over(played: Play) -> None:
    change = {"properties": {"throughline_phase": "somewhere else"}}
    vendors = played.cast.vendors
    httpx2.post(f"{vendors.page('HubSpot')}_sandbox/deals/{played.part.deal}", json=change, trust_env=False)
    assert any("throughline_phase" in fault for fault in faults(played))


def test_the_audit_sees_a_message_nobody_was_to_get(played: Play) -> None:
    asked = played.cast.asked
    gone = next(iter(asked))
    kept = asked.pop(gone)
    try:
        assert any(gone in fault for fault in faults(played))
    finally:
        asked[gone] = kept


def faults(played: Play) -> list[str]:
    assert played.ours
    return [held.fault for held in ask(played.cast, played.part, played.ours) if held.fault]
