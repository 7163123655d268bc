"""docs/flows.md, followed to the letter in an empty folder: it ends with a rehearsed flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.following import ROOT, Block, Reader, blocks, shows

TUTORIAL = (ROOT / "docs" / "flows.md").read_text("utf-8")


@pytest.mark.timeout(900)
def test_the_tutorial_can_be_followed_to_the_letter(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for block in blocks(TUTORIAL):
        reader.follow(block)
    done = "\n".join(reader.commands)
    for command in ("new", "check", "plan", "scenarios", "diagram", "release", "diff"):
        assert f"throughline flow {command}" in done, command
    assert "throughline rehearse enterprise-deals" in done
    assert "The deal ended won" in TUTORIAL
    assert "STORY" in (tmp_path / "flows" / "tests" / "test_generous.py").read_text()
    assert (tmp_path / "flows" / "released" / "enterprise-deals-v1.json").is_file()


def test_every_block_of_the_tutorial_is_one_that_is_followed() -> None:
    kinds = {block.kind for block in blocks(TUTORIAL)}
    assert kinds <= {"sh", "text", "python", "json", "toml", "diff"}
    assert TUTORIAL.count("\n```") == 2 * len(blocks(TUTORIAL)), "a block that nobody sees is followed by nobody"


@pytest.mark.parametrize(
    ("said", "shown", "same"),
    [
        ("a\nb\nc\n", "a\nb\n", True),
        ("a\nb\nc\n", "a\nc\n", False),
        ("a\nb\nc\n", "a\n…\nc\n", True),
        ("took 3 s\n", "took … s\n", True),
        ("took 3 min\n", "took … s\n", False),
        ("xa\n", "a\n", False),
        ("1 (one) *\n", "1 (one) *\n", True),
    ],
)
def test_what_is_shown_is_compared_line_by_line(said: str, shown: str, same: bool) -> None:
    assert shows(said, shown) is same


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (Block(7, "sh", "", "false\n"), "line 7: exit code 1"),
        (Block(8, "sh", "exit 1", "true\n"), "line 8: exit code 0"),
        (Block(9, "text", "", "something else\n"), "line 9: it says instead"),
        (Block(10, "diff", "file.txt", "-not there\n"), "line 10: file.txt holds this 0 times"),
        (Block(11, "python", "in file.txt", "x = 1\n"), "line 11: in file.txt does not hold this"),
        (Block(12, "python", "", "x = 1\n"), "line 12: a file without a name"),
        (Block(13, "console", "", "$ ls\n"), "line 13: nobody knows"),
    ],
)
def test_a_block_that_does_not_come_out_as_shown_fails_with_its_line(
    tmp_path: Path, block: Block, complaint: str
) -> None:
    (tmp_path / "file.txt").write_text("one\ntwo\n")
    reader = Reader(tmp_path)
    reader.said = "something"
    with pytest.raises(AssertionError, match=complaint):
        reader.follow(block)


def test_an_edit_changes_what_it_shows_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("one\ntwo\nthree\n")
    Reader(tmp_path).follow(Block(1, "diff", "file.txt", " one\n-two\n+2\n+2a\n"))
    assert (tmp_path / "file.txt").read_text() == "one\n2\n2a\nthree\n"
