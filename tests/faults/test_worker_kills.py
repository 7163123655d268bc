"""The worker dies at ten different points of one deal; nothing is lost, and every system holds one of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.places import Places
from cli.local.progress import Quiet
from cli.local.stack import Stack, running
from cli.playing.once import open_stage, play
from tests.conftest import remove_state
from tests.faults.killing import Killer, Point, with_ports_of_its_own

TEN = [
    Point(kind, step, "worker")
    for kind, step in (
        ("arrived", None),
        ("opened", "approval:discount"),
        ("decided", "approval:discount"),
        ("decided", "approval:deep-discount"),
        ("opened", "approval:legal"),
        ("decided", "approval:security"),
        ("opened", "signature:sow"),
        ("signed", "signature:sow"),
        ("opened", "handoff:managed-services"),
        ("decided", "handoff:managed-services"),
    )
]


@pytest.fixture
def stack(tmp_path: Path, temporal_program: Path) -> Iterator[Stack]:
    """A whole company running in a folder of its own."""
    places = with_ports_of_its_own(Places(tmp_path / "state"))
    with running(places, Quiet()) as started:
        yield started
    remove_state(places)


@pytest.mark.timeout(480)
def test_ten_kills_of_the_worker_lose_nothing_and_do_nothing_twice(stack: Stack) -> None:
    killer = Killer(stack.places, TEN)
    cast = open_stage(stack.pages, stack.vendors, stack.env, 400)
    with killer.at_work():
        played = play(cast)
    cast.close()
    assert played.faults == []
    assert killer.done == TEN
    positions = [entry["position"] for entry in played.entries]
    assert positions == list(range(1, len(positions) + 1)), "the journal lost an entry"
