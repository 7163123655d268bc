"""Recorded histories replay with the production plugin: a change of the interpreter must not lose a running deal."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.workflows.worlds import Company, Outside, connect, employ
from workflows.plugin import plugin

HISTORIES = Path(__file__).parent.parent / "histories"


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*/*.json")), ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_a_recorded_history_replays(file):
    history = WorkflowHistory.from_json(f"recorded/{file.stem}", file.read_text())
    await Replayer(workflows=[], plugins=[plugin()]).replay_workflow(history)


def test_there_are_recorded_histories_of_both_workflows():
    assert {file.parent.name for file in HISTORIES.glob("*/*.json")} == {"DealLifecycle", "Onboarding"}


async def test_a_deal_that_just_lived_replays(database, temporal_server):
    await employ(database)
    company = Company(await connect(temporal_server.address), database, Outside())
    async with company.at_work():
        handle = await company.arrive()
        await company.answer(handle, "joel", "approval:discount")
        await company.answer(handle, "daniel", "approval:deep-discount", "reject", "no")
        history = await handle.fetch_history()
    await Replayer(workflows=[], plugins=[plugin()]).replay_workflow(history)
