"""The journal's chain: whoever changes, drops, adds, swaps or moves an entry is found, at the first place."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.journal import Chained, JournalEntry, canonical, chain, verify
from models.money import usd

DEAL = "deal/hubspot/5012345"
AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)

bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=3,
)
entries = st.builds(
    JournalEntry,
    seq=st.none() | st.integers(1, 10_000),
    at=st.datetimes(
        datetime(2000, 1, 1),  # noqa: DTZ001 (hypothesis wants its bounds without a zone)
        datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
    ),
    who=st.sampled_from(["dana", "vera", "hubspot"]),
    kind=st.sampled_from(["revision", "answer"]),
    text=st.text(st.characters(), max_size=10),
    step=st.none() | st.just("approval:discount"),
    round=st.none() | st.integers(1, 5),
    body=st.dictionaries(st.text(max_size=5), bodies, max_size=2),
)
chains = st.lists(entries, min_size=1, max_size=4).map(lambda told: chain(DEAL, told))


def entry(**more: Any) -> JournalEntry:
    return JournalEntry(**{"at": AT, "who": "dana", "kind": "answer", "text": "Approved", **more})


@settings(max_examples=50)
@given(chains)
def test_an_untouched_chain_is_whole(rows: list[Chained]) -> None:
    assert verify(rows, end=(rows[-1].position, rows[-1].hash)) is None


@settings(max_examples=50)
@given(entries)
def test_an_entry_keeps_its_bytes_when_it_is_written_down_and_read_again(told: JournalEntry) -> None:
    again = JournalEntry.model_validate_json(told.model_dump_json())
    assert canonical(DEAL, 1, again) == canonical(DEAL, 1, told)
    canonical(DEAL, 1, told).decode()


@settings(max_examples=50)
@given(chains, st.data())
def test_a_changed_entry_is_the_first_broken_one(rows: list[Chained], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(rows) - 1))
    change = data.draw(
        st.sampled_from(
            [{"who": "mallory"}, {"text": "Rejected?"}, {"seq": 99_999}, {"body": {"x": 1}}, {"because": 77},
             {"at": AT - timedelta(days=999)}, {"deal_id": "deal/hubspot/1"}, {"prev_hash": "0"}, {"hash": "0"}]
        )
    )  # fmt: skip
    rows[index] = rows[index].model_copy(update=change)
    assert verify(rows) == index + 1


@settings(max_examples=50)
@given(chains, st.data())
def test_a_dropped_entry_is_noticed_even_at_the_end(rows: list[Chained], data: st.DataObject) -> None:
    end = (rows[-1].position, rows[-1].hash)
    index = data.draw(st.integers(0, len(rows) - 1))
    assert verify(rows[:index] + rows[index + 1 :], end=end) == index + 1


@settings(max_examples=50)
@given(chains, entries)
def test_an_entry_added_behind_the_head_is_noticed(rows: list[Chained], extra: JournalEntry) -> None:
    forged = chain(DEAL, [extra], after=rows[-1].position, prev_hash=rows[-1].hash)
    assert verify(rows + forged, end=(rows[-1].position, rows[-1].hash)) == len(rows) + 1


def test_a_rewritten_last_entry_does_not_match_the_head() -> None:
    rows = chain(DEAL, [entry(seq=1), entry(seq=2)])
    other = chain(DEAL, [entry(seq=1), entry(seq=2, text="Rejected")])
    assert verify(other, end=(2, rows[-1].hash)) == 2


def test_two_deals_with_the_same_history_have_different_chains() -> None:
    assert chain(DEAL, [entry()])[0].hash != chain("deal/hubspot/1", [entry()])[0].hash


def test_a_body_holds_nothing_the_database_would_rewrite() -> None:
    told = entry(text="null\x00 half\ud800", body={"f": 1e2, "d": Decimal("1.10"), "m": usd("5"), "t": "a\x00"})
    assert told.text == "null\ufffd half?"
    assert told.body["f"] == "100.0"
    assert told.body["d"] == "1.10"
    assert told.body["t"] == "a\ufffd"
    assert json.loads(canonical(DEAL, 1, told))["body"]["m"]["amount"] == "5"


def test_the_moment_is_the_same_in_every_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-5)))
    assert canonical(DEAL, 1, entry(at=AT)) == canonical(DEAL, 1, entry(at=elsewhere))


def test_the_chain_may_not_change_silently() -> None:
    """A journal written by an older release must still verify: this hash is for ever."""
    row = chain(DEAL, [entry(seq=1, step="approval:discount", round=1, body={"outcome": "approved"})])[0]
    assert row.hash == "6fb632517a727eb29b5606cab12edfa69dd969678b899df16a736b5e60f7ec3b"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        entry(at=datetime(2026, 11, 20))  # noqa: DTZ001
