"""`flow release` locks a version and refuses an edited one; `flow diff` says in words what changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.main import run
from workflows.versions import SHIPPED

THRESHOLD = ("deal.margin < percent(28)", "deal.margin < percent(30)")
SECOND = ("version=1", "version=2")
WORDS = (
    "finance is now asked when margin < 30 % instead of < 28 %; "
    "the whole rule: margin < 30 % or payment days > 45"
)  # fmt: skip

NOT_ON_OFFER = (
    "there is no flow {!r} on offer; there are manufacturing, saas, construction, financial-services, "
    "managed-services; a flow that is not on offer is given as its file, such as flows/renewals.py (see"
)


class Typed(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Types commands in a company's folder that holds a copy of the shipped flow."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *words: str) -> Typed:
        self._capsys.readouterr()
        code = run(["flow", *words])
        printed = self._capsys.readouterr()
        return Typed(code, printed.out, printed.err)

    def edit(self, *changes: tuple[str, str]) -> None:
        file = self.folder / "managed_services.py"
        text = file.read_text()
        for before, after in changes:
            assert before in text
            text = text.replace(before, after, 1)
        file.write_text(text)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    folder = tmp_path / "flows"
    folder.mkdir()
    shutil.copy(SHIPPED / "managed_services.py", folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THROUGHLINE_FLOWS", raising=False)
    return Shell(folder, capsys)


def one_line(typed: Typed) -> str:
    assert typed.code == 2, typed
    assert typed.err.count("\n") == 1, typed.err
    return typed.err


def test_a_release_is_written_beside_the_flow_and_repeating_it_changes_nothing(shell: Shell) -> None:
    first = shell("release", "--flows", "flows")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith(
        "managed-services version 1 is released; commit flows/released/managed-services-v1.json"
    )
    files = {file: file.read_bytes() for file in shell.folder.rglob("*.json")}
    assert {file.name for file in files} == {"fingerprints.json", "managed-services-v1.json"}
    again = shell("release", "managed-services", "--flows", "flows")
    assert again.code == 0
    assert again.out.endswith("and still says the same\n")
    assert {file: file.read_bytes() for file in shell.folder.rglob("*.json")} == files


def test_an_edited_release_fails_the_check_and_cannot_be_released_over(shell: Shell) -> None:
    shell("release", "--flows", "flows")
    shell.edit(THRESHOLD)
    checked = shell("check", "flows")
    assert checked.code == 1
    assert "[released_changed]" in checked.out
    assert WORDS in checked.out
    assert "give it version=2, or undo the edit" in checked.out
    refused = one_line(shell("release", "--flows", "flows"))
    assert "give it the next version number: version=2" in refused
    shell.edit(SECOND)
    assert shell("release", "--flows", "flows").code == 0
    assert shell("check", "flows").code == 0


def test_a_flow_with_mistakes_is_not_released(shell: Shell) -> None:
    shell.edit(('by="legal"', 'by="leagl"'))
    refused = one_line(shell("release", "--flows", "flows"))
    assert "nothing is released: flows/managed_services.py:" in refused
    assert "leagl" in refused
    assert list(shell.folder.rglob("*.json")) == []


def test_a_difference_is_said_between_files_releases_and_definitions(shell: Shell) -> None:
    shell("release", "--flows", "flows")
    shell.edit(THRESHOLD, SECOND)
    file, kept = "flows/managed_services.py", "flows/released/managed-services-v1.json"
    wanted = f"managed-services version 1 -> managed-services version 2: 1 change\n  ~ {WORDS}\n"
    for old in ("managed-services@1", kept):
        for new in (file, f"{file}::managed-services"):
            assert shell("diff", old, new) == (0, wanted, ""), (old, new)
    assert "they say the same" in shell("diff", file, file).out
    as_json = json.loads(shell("diff", kept, file, "--json").out)
    assert (as_json["from"]["version"], as_json["to"]["version"]) == (1, 2)
    [change] = as_json["changes"]
    assert (change["words"], change["step"], change["stage"]) == (WORDS, "approval:finance", "review")
    shell("release", "--flows", "flows")
    assert shell("diff", "managed-services@1", "managed-services@2", "--flows", "flows").out == wanted


def test_a_difference_takes_the_names_of_flows_on_offer(shell: Shell) -> None:
    said = shell("diff", "saas", "managed-services")
    assert said.code == 0, said.err
    assert said.out.startswith("saas version 1 -> managed-services version 1: ")
    assert "they say the same" in shell("diff", "managed-services", "managed-services@1").out
    shell.edit(THRESHOLD, SECOND)
    changed = shell("diff", "managed-services", "flows/managed_services.py")
    assert changed.out == f"managed-services version 1 -> managed-services version 2: 1 change\n  ~ {WORDS}\n"
    near = shell("diff", "managed-services", "managed-services", "--flows", "flows")
    assert near.out.startswith("managed-services version 2 -> managed-services version 2: they say the same")


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "nothing", "--facts", "facts.json"),
        ("scenarios", "nothing"),
        ("diagram", "nothing"),
        ("diagram", "managed-services", "--diff", "nothing"),
        ("diff", "managed-services", "nothing"),
    ],
)
def test_every_command_says_the_same_of_a_name_that_is_not_on_offer(shell: Shell, words: tuple[str, ...]) -> None:
    assert NOT_ON_OFFER.format("nothing") in one_line(shell(*words))


def test_a_rehearsal_says_it_too(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.folder.is_dir()
    assert run(["rehearse", "nothing"]) == 2
    assert NOT_ON_OFFER.format("nothing") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("diff", "nothing", "flows/managed_services.py"), NOT_ON_OFFER.format("nothing")),
        (("diff", "flows/managed_services.py", "x@"), NOT_ON_OFFER.format("x@")),
        (("diff", "nothing", "managed-services", "--flows", "flows"), "there is no flow 'nothing' in flows; there are"),
        (
            ("diff", "blank.json", "managed-services"),
            "blank.json is no definition of a flow: it is not JSON (EOF while",
        ),
        (("diff", "list.json", "managed-services"), "list.json is no definition of a flow: it is no JSON object"),
        (
            ("diff", "broken.json", "managed-services"),
            "broken.json is no definition of a flow: version: Field required",
        ),
        (
            ("release", "flows/managed_services.py"),
            "throughline flow release managed-services --flows flows, or without --flows where THROUGHLINE_FLOWS names",
        ),
        (("release", "my flows/x.py"), "throughline flow release NAME --flows 'my flows', or"),
        (("release", "nothing"), "a flow that is not on offer is released from its folder, as with --flows flows"),
        (("diff", "no.py", "flows/managed_services.py"), "there is no no.py"),
        (("diff", "flows/managed_services.py::other", "no.py"), "say which flow of flows/managed_services.py"),
        (("diff", "managed-services@9", "flows/managed_services.py"), "managed-services@9 is not released"),
        (("diff", "broken.json", "flows/managed_services.py"), "broken.json is no definition of a flow"),
        (("diff", "missing.json", "flows/managed_services.py"), "missing.json cannot be read"),
        (("diff", "empty.py", "flows/managed_services.py"), "there is no flow in empty.py"),
        (("diff", "flawed.py", "flows/managed_services.py"), "not Python"),
        (("diff", "ends/flow.py", "saas"), "flow.py:1: the file ends Python (SystemExit); remove that line"),
        (("release", "--flows", "nowhere"), "nowhere is no folder of flows"),
        (("release", "other", "--flows", "flows"), "there is no flow 'other'; there are managed-services"),
        (("release", "--people", "nobody.toml", "--flows", "flows"), "nobody.toml cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(shell: Shell, words: tuple[str, ...], said: str) -> None:
    Path("broken.json").write_text('{"name": "x"}')
    Path("blank.json").write_text("\n")
    Path("list.json").write_text("[]")
    Path("empty.py").write_text("")
    Path("ends").mkdir()
    Path("ends/flow.py").write_text("raise SystemExit(3)\n")
    Path("flawed.py").write_text("x = (\n")
    assert said in one_line(shell(*words))


def test_a_damaged_release_is_one_line_too(shell: Shell) -> None:
    shell("release", "--flows", "flows")
    (shell.folder / "released" / "managed-services-v1.json").unlink()
    assert "restore it from version control" in one_line(shell("release", "--flows", "flows"))
    assert "release_damaged" in shell("check", "flows").out
