"""Finds the Temporal program: given, installed, built before, downloaded, or built here. The first that works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from cli.local.go_build import build
from cli.local.places import CLONE, PROGRAMS, Places, StartFailed
from cli.local.progress import Reporter, Step
from connectors.settings import LocalSettings, environment

_OLDEST_SERVER = (1, 28)  # update-with-start is on by default from here on
_DOWNLOAD_PATIENCE = 15.0  # seconds; a network that swallows packets must not keep anybody waiting
_DOWNLOAD = """
import asyncio, sys
from temporalio.testing import WorkflowEnvironment
async def download():
    version, folder = sys.argv[1:]
    server = await WorkflowEnvironment.start_local(dev_server_download_version=version, download_dest_dir=folder)
    await server.shutdown()
asyncio.run(download())
"""


def find_temporal(places: Places, report: Reporter) -> Path:
    """Return a Temporal program that works. Raises StartFailed with everything that was tried."""
    tried: list[str] = []
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    built = PROGRAMS / "temporal"
    for what, path in (
        ("TEMPORAL_CLI", LocalSettings.read().temporal_cli),
        ("temporal on PATH", _on_path()),
        (str(built), built if built.exists() else None),
    ):
        trouble = "not there" if path is None else _trouble_with(path)
        if path is not None and trouble is None:
            return path
        tried.append(f"{what}: {trouble}")
    for what, get in (("download", _download), ("build", build)):
        try:
            get(places, report, built)
        except StartFailed as wrong:
            tried.append(f"{what}: {wrong}")
            continue
        trouble = _trouble_with(built)
        if trouble is None:
            return built
        tried.append(f"{what}: {trouble}")
    raise StartFailed(
        "no Temporal can be had on this machine. Tried: " + "; ".join(tried) + ". What to do: install the Temporal CLI "
        "(https://docs.temporal.io/cli) or Go 1.26.4 or newer, or set TEMPORAL_ADDRESS to a server of your own"
    )


def pinned_version() -> str:
    """Return the version of the Temporal CLI that deploy/temporal/go.mod pins."""
    found = re.search(r"github\.com/temporalio/cli v(\S+)", (CLONE / "deploy" / "temporal" / "go.mod").read_text())
    if found is None:
        raise StartFailed("deploy/temporal/go.mod names no version of github.com/temporalio/cli")
    return found[1]


def _on_path() -> Path | None:
    found = shutil.which("temporal")
    return Path(found) if found else None


def _trouble_with(binary: Path) -> str | None:
    """Say what keeps this program from being used, None when it works."""
    command = [str(binary), "--version"]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as wrong:
        return f"{binary} does not run ({wrong})"
    version = re.search(r"Server (\d+)\.(\d+)", said.stdout)
    if version is None:
        return f"{binary} is not the Temporal CLI"
    if (int(version[1]), int(version[2])) < _OLDEST_SERVER:
        return f"{binary} is too old (server {version[1]}.{version[2]}, needed {'.'.join(map(str, _OLDEST_SERVER))})"
    return None


def _download(places: Places, report: Reporter, target: Path) -> None:
    folder = places.folder("download")
    command = [sys.executable, "-c", _DOWNLOAD, f"v{pinned_version()}", str(folder)]
    try:
        with report.step("Downloading Temporal") as step, (places.log / "temporal-download.log").open("wb") as log:
            child = subprocess.Popen(command, env=environment(), stdout=log, stderr=log)  # noqa: S603
            try:
                _watch(child, folder, step)
            finally:
                child.kill()
                child.wait()
        programs = [each for each in folder.iterdir() if each.is_file() and _trouble_with(each) is None]
        if not programs:
            raise StartFailed("nothing usable arrived")
        programs[0].replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _watch(child: subprocess.Popen[bytes], folder: Path, step: Step) -> None:
    """Wait for a download as long as bytes arrive."""
    size, heard = 0, time.monotonic()
    while child.poll() is None:
        time.sleep(0.2)
        now = 0
        with suppress(OSError):
            now = sum(each.stat().st_size for each in folder.iterdir())
        if now != size:
            size, heard = now, time.monotonic()
        step(f"{size / 1e6:.0f} MB")
        if time.monotonic() - heard > _DOWNLOAD_PATIENCE:
            raise StartFailed(f"nothing arrived for {_DOWNLOAD_PATIENCE:.0f} s")
    if child.returncode:
        raise StartFailed("temporal.download cannot be reached")
