"""Actions are heard of while they run, without knowing it, and no longer than they run."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.heartbeats import Heartbeats


class Action(ActivityInboundInterceptor):
    """Works for a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        await asyncio.sleep(self.seconds)
        return "done"


async def heard(seconds: float, patience: timedelta | None) -> int:
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=patience)
    environment.on_heartbeat = lambda *details: beats.append(details)
    given = ExecuteActivityInput(fn=lambda: None, args=[], executor=None, headers={})

    async def run() -> Any:
        return await Heartbeats().intercept_activity(Action(seconds)).execute_activity(given)

    assert await environment.run(run) == "done"
    ended = len(beats)
    await asyncio.sleep(0.15)
    assert len(beats) == ended, "it still beats after its end"
    return ended


async def test_a_long_action_is_heard_of_several_times_within_its_patience() -> None:
    assert await heard(0.5, timedelta(seconds=0.4)) >= 3


async def test_a_short_action_and_one_without_a_patience_say_nothing() -> None:
    assert await heard(0.01, timedelta(seconds=0.4)) == 0
    assert await heard(0.3, None) == 0
