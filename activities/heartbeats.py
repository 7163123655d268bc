"""Lets every action that is to be heard of say that it lives, so that a killed worker is noticed in seconds."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor


class Heartbeats(Interceptor):
    """Beats for every activity that was given a heartbeat timeout; the activities know nothing of it."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Beating(next)


class _Beating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        patience = activity.info().heartbeat_timeout
        if not patience:
            return await self.next.execute_activity(input)
        beating = asyncio.create_task(_beat(patience / 4))
        try:
            return await self.next.execute_activity(input)
        finally:
            beating.cancel()


async def _beat(every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        activity.heartbeat()
