"""The connection to Temporal, as its own standard variables and profiles say (envconfig)."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.client import Client, Plugin
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError


class TemporalUnreachable(Exception):
    """No Temporal answers; the text says where and what to do next."""


async def connect(plugins: Sequence[Plugin] = (), *, lazy: bool = False) -> Client:
    """Connect to TEMPORAL_ADDRESS. With `lazy`, the first call connects, so a process starts while Temporal is down."""
    try:
        config = ClientConfig.load_client_connect_config()
    except RuntimeError as wrong:
        raise TemporalUnreachable(f"Temporal's settings cannot be read: {wrong}") from None
    address = config.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(**config, plugins=plugins, lazy=lazy)
    except (RPCError, RuntimeError) as wrong:
        raise TemporalUnreachable(
            f"no Temporal answers at {address} ({_short(wrong)}); start one with `throughline demo`, "
            "or set TEMPORAL_ADDRESS to yours"
        ) from None


def _short(wrong: Exception) -> str:
    return str(wrong).splitlines()[0][:160] if str(wrong) else type(wrong).__name__
