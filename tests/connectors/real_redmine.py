"""The Redmine of Debian's packages, run as whoever runs the tests, on its own port with its own database."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2

from cli.local.places import CLONE

CODE = Path("/usr/share/redmine")
INSTALL = "apt-get install -y --no-install-recommends redmine redmine-sqlite puma (deploy/ has a script for it)"
_KEPT = CLONE / ".throughline" / "cache" / "redmine"
_PREPARE = """
Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
admin = User.find_by_login('admin')
admin.must_change_passwd = false
admin.save!
puts 'KEY ' + admin.api_key
"""


class RealRedmine(NamedTuple):
    url: str
    key: str


def is_installed() -> bool:
    return (CODE / "config.ru").exists() and all(map(shutil.which, ("bundle", "ruby", "puma")))


@contextmanager
def running(folder: Path) -> Iterator[RealRedmine]:
    """Run Redmine from a folder of our own; its empty database is made once and copied from then on."""
    env = _instance(folder)
    template, key_file = _KEPT / "template.sqlite3", _KEPT / "key"
    if not key_file.exists():
        _run(env, "bundle", "exec", "rake", "db:migrate")
        said = _run(env, "ruby", "bin/rails", "runner", _PREPARE)
        _KEPT.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "db.sqlite3", template)
        key_file.write_text(next(line.split()[1] for line in said.splitlines() if line.startswith("KEY ")))
    else:
        shutil.copy(template, folder / "db.sqlite3")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["puma", "-b", f"tcp://127.0.0.1:{port}", "-t", "1:4", "-e", "production", "config.ru"]
    with (folder / "puma.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=CODE, env=env, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}", server, folder / "puma.log")
        yield RealRedmine(f"http://127.0.0.1:{port}", key_file.read_text())
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _instance(folder: Path) -> dict[str, str]:
    """Lay out an instance as Debian's multi-tenancy wants it; it is named by a path out of Debian's own folder."""
    for name in ("config", "log", "tmp", "files", "public"):
        (folder / name).mkdir(parents=True)
    (folder / "config" / "database.yml").write_text(
        f"production:\n  adapter: sqlite3\n  database: {str(folder / 'db.sqlite3')!r}\n  timeout: 5000\n"
    )
    (folder / "config" / "secret_key.txt").write_text("not a secret: this database lives as long as one test run\n")
    # Debian's Gemfile learns which database gem to load from files only www-data may read.
    gemfile = (CODE / "Gemfile").read_text()
    debian = "/usr/share/redmine/{config,instances/*/config}/database.yml"
    assert debian in gemfile
    (folder / "Gemfile").write_text(gemfile.replace(debian, str(folder / "config" / "database.yml")))
    shutil.copy(CODE / "Gemfile.lock", folder / "Gemfile.lock")
    return {
        **os.environ,
        "HOME": str(folder),
        "BUNDLE_GEMFILE": str(folder / "Gemfile"),
        "BUNDLE_APP_CONFIG": str(folder / "bundle"),
        "X_DEBIAN_SITEID": "../" * 12 + str(folder).lstrip("/"),
        "RAILS_ENV": "production",
        "SCHEMA": "/dev/null",
        "REDMINE_LANG": "en",
    }


def _run(env: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, cwd=CODE, env=env, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, f"{' '.join(command)[:60]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 90
    with httpx2.Client(trust_env=False, timeout=30, verify=False) as client:
        while time.monotonic() < until:
            assert server.poll() is None, f"Redmine ended:\n{log.read_text()[-2000:]}"
            try:
                if client.get(f"{url}/issue_statuses.json").status_code < 500:
                    return
            except httpx2.TransportError:
                time.sleep(0.2)
    raise AssertionError(f"Redmine did not answer:\n{log.read_text()[-2000:]}")
