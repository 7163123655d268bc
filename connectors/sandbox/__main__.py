"""`python -m connectors.sandbox --data DIR --ports-file FILE`: all sandbox vendors until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from connectors.sandbox.start import Sandbox


def main() -> None:
    """Run until SIGINT or SIGTERM; the ports file appears, whole, once everything listens."""
    parser = argparse.ArgumentParser(prog="python -m connectors.sandbox", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder for what the sandboxes remember")
    parser.add_argument("--ports-file", type=Path, required=True, help="written with addresses and keys, as JSON")
    parser.add_argument("--host", default="127.0.0.1", help="the loopback address to listen on")
    parser.add_argument("--webhook-url", default="", help="where HubSpot's signed deliveries go")
    parser.add_argument("--interactions-url", default="", help="where what people press in Slack goes")
    asked = parser.parse_args()
    asyncio.run(_run(asked))


async def _run(asked: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Sandbox(asked.data, asked.host) as sandbox:
        if asked.webhook_url:
            sandbox.aim(asked.webhook_url)
        if asked.interactions_url:
            sandbox.aim_interactions(asked.interactions_url)
        _write(asked.ports_file, sandbox.settings | sandbox.pages)
        await stop.wait()


def _write(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    beside.replace(path)


if __name__ == "__main__":
    main()
