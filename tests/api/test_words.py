"""How pages say times, amounts and people."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from api.pages.addresses import local_only, request_id, request_path
from api.pages.words import Words, spoken

TUESDAY = datetime(2026, 11, 17, 20, 20, tzinfo=UTC)  # 14:20 in Chicago
CHICAGO = Words(TUESDAY, "America/Chicago", "US")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 17, 16, 30, tzinfo=UTC), "today 10:30"),
        (datetime(2026, 11, 16, 16, 30, tzinfo=UTC), "yesterday 10:30"),
        (datetime(2026, 11, 20, 16, 30, tzinfo=UTC), "Fri 20 Nov 10:30"),
        (datetime(2026, 10, 12, 14, 5, tzinfo=UTC), "12 Oct 09:05"),
        (datetime(2025, 11, 5, 16, 30, tzinfo=UTC), "5 Nov 2025 10:30"),
    ],
)
def test_a_moment_is_said_in_the_readers_zone(at: datetime, said: str) -> None:
    assert CHICAGO.moment(at) == said


@pytest.mark.parametrize(
    ("at", "words", "tone"),
    [
        (datetime(2026, 11, 18, 16, 30, tzinfo=UTC), "in 4 working hours", "due"),
        (datetime(2026, 11, 23, 16, 30, tzinfo=UTC), "in 28 working hours", ""),
        (datetime(2026, 11, 30, 16, 30, tzinfo=UTC), "in 8 working days", ""),
        (datetime(2026, 11, 17, 19, 10, tzinfo=UTC), "late by 1 working hour", "late"),
    ],
)
def test_due_is_said_in_working_time_with_holidays(at: datetime, words: str, tone: str) -> None:
    due = CHICAGO.due(at)
    assert due is not None
    assert (due.words, due.tone) == (words, tone)


def test_amounts_shares_and_facts_are_said_with_their_unit() -> None:
    assert CHICAGO.money(Decimal("409107.84")) == "$409,108"
    assert CHICAGO.money(Decimal("409107.84"), cents=True) == "$409,107.84"
    assert CHICAGO.percent(Decimal("24.56")) == "24.6 %"
    assert CHICAGO.fact({"t": "flag", "v": True}) == "yes"
    assert CHICAGO.fact({"t": "moment", "v": "2026-11-17T16:30:00Z"}) == "today 10:30"
    assert CHICAGO.fact("as it is") == "as it is"


def test_people_are_named_where_the_read_model_has_their_ids() -> None:
    names = {"joel": "Joel Marsh", "daniel": "Daniel Reyes"}
    assert spoken("joel, 5 Nov", names) == "Joel Marsh, 5 Nov"
    assert spoken("cfo is asked too (daniel)", names) == "cfo is asked too (Daniel Reyes)"
    assert spoken("3 of 5 (done)", names) == "3 of 5 (done)"


@pytest.mark.parametrize(
    "known", ["deal/hubspot/5|approval:finance|1", "deal/hubspot/5~2|call:x[line-7]|2", "deal/hubspot/5|call:x?missing"]
)
def test_a_requests_address_leads_back_to_it(known: str) -> None:
    _, _, source, number, *rest = request_path(known).replace("%3F", "?").replace("%7E", "~").split("/")
    assert request_id(source, number, "/".join(rest)) == known


def test_links_lead_only_to_our_own_pages() -> None:
    assert local_only("/deals?status=won") == "/deals?status=won"
    for away in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"):
        assert local_only(away) == "/"
