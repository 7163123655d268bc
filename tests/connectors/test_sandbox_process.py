"""The sandboxes as a process of their own: what is in them outlives kill -9, and addresses and keys stay."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.local.places import CLONE
from connectors.contract import ProjectBody
from connectors.registry import ConnectorSettings, build
from connectors.settings import SettingsError
from tests.connectors.outside import Outside, customer, fresh_key, message, order

Start = Callable[[], dict[str, str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[tuple[Start, list[subprocess.Popen[bytes]]]]:
    """Start the sandboxes' process and return what its ports file says."""
    started: list[subprocess.Popen[bytes]] = []

    def run() -> dict[str, str]:
        ports = tmp_path / "where" / "ports.json"
        ports.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "connectors.sandbox",
            "--data",
            str(tmp_path / "my data"),
            "--ports-file",
            str(ports),
        ]
        started.append(subprocess.Popen(command, cwd=CLONE))
        until = time.monotonic() + 30
        while not ports.exists():
            assert time.monotonic() < until
            assert started[-1].poll() is None
            time.sleep(0.05)
        return json.loads(ports.read_text())

    yield run, started
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.wait(10)


async def test_everything_outlives_kill_9(
    start: tuple[Start, list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, processes = start
    told = run()
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SMTP_FROM", "throughline@halden.example")
    outside, connectors = Outside(_pages(told)), build(ConnectorSettings.read())
    keys = [fresh_key() for _ in range(4)]
    deal = await outside.enter_deal()
    buyer = await connectors.erp.create_customer(keys[0], customer())
    await connectors.erp.create_sales_order(keys[1], order(buyer.id))
    await connectors.projects.create_project(keys[2], ProjectBody(name="Corvane"))
    await connectors.chat.send(keys[3], message("U0DANA01"))
    await connectors.mail.send(keys[3], message("dana@halden.example"))

    os.kill(processes[-1].pid, signal.SIGKILL)
    processes[-1].wait(10)
    assert run() == told

    assert (await connectors.crm.read_deal(deal)).id == deal
    assert await connectors.erp.find_customer(keys[0]) == buyer
    assert await connectors.erp.find_sales_order(keys[1])
    assert await connectors.projects.find_project(keys[2])
    assert await connectors.chat.find(keys[3], "U0DANA01")
    assert len(await outside.objects("mail", "mails")) == 1
    # Numbers go on where they were: none is given twice.
    assert int(await outside.enter_deal()) > int(deal)
    await connectors.aclose()
    await outside.__aexit__()


async def test_a_taken_port_is_left_to_who_has_it(start: tuple[Start, list[subprocess.Popen[bytes]]]) -> None:
    run, _ = start
    first = run()
    second = run()  # the first still listens
    assert second["HUBSPOT_BASE_URL"] != first["HUBSPOT_BASE_URL"]
    assert second["HUBSPOT_TOKEN"] == first["HUBSPOT_TOKEN"]


def test_the_ports_file_names_everything_and_only_its_owner_reads_it(
    start: tuple[Start, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    run, processes = start
    told = run()
    assert set(told) == {
        *("HUBSPOT_BASE_URL", "HUBSPOT_TOKEN", "HUBSPOT_CLIENT_SECRET", "HUBSPOT_PAGE"),
        *("ERPNEXT_BASE_URL", "ERPNEXT_KEY", "ERPNEXT_SECRET", "ERPNEXT_PAGE"),
        *("REDMINE_BASE_URL", "REDMINE_KEY", "REDMINE_PAGE"),
        *("SLACK_BASE_URL", "SLACK_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_PAGE"),
        *("SMTP_HOST", "SMTP_PORT", "MAIL_PAGE"),
    }
    assert (tmp_path / "where" / "ports.json").stat().st_mode & 0o077 == 0
    processes[-1].terminate()
    assert processes[-1].wait(10) == 0


def test_the_registry_names_the_first_setting_that_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUBSPOT_TOKEN", "HUBSPOT_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="HUBSPOT_TOKEN"):
        ConnectorSettings.read()


def _pages(told: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in told.items() if name.endswith("_PAGE")}
