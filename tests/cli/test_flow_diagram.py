"""`throughline flow diagram`: what it writes, where, and what it says to a mistake."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.flow import app

FLOW = """
from activities.catalog import create_project, price_quote
from workflows.flows.facts import deal
from workflows.language import Approval, Call, Flow, Stage, days, percent

small = Flow(
    "small",
    Stage(
        "quote",
        Call(price_quote),
        Approval("discount", by="deal_desk", within=days(DAYS), escalate_to="cfo", when=deal.discount > percent(15)),
        on_reject="quote",
    ),
    Stage("book", Call(create_project)),
    version=VERSION,
)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, days, version in (("old.py", "2", "1"), ("new.py", "5", "2")):
        (tmp_path / name).write_text(FLOW.replace("DAYS", days).replace("VERSION", version))
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, ["diagram", *arguments])


def test_without_an_option_the_picture_stands_beside_you_and_is_a_whole_svg(here: Path) -> None:
    said = run("managed-services")
    assert said.exit_code == 0, said.output
    assert said.output.startswith("managed-services.svg shows flow managed-services, version 1: 5 stages, 11 steps")
    drawn = ET.parse(here / "managed-services.svg").getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawn.find("{http://www.w3.org/2000/svg}title").text == "Flow managed-services, version 1"
    again = run("managed-services")
    assert again.exit_code == 0


def test_a_file_that_is_none_of_our_pictures_is_never_written_over_unasked(here: Path) -> None:
    (here / "small.svg").write_text("<svg>the company's logo</svg>")
    said = run("new.py")
    assert said.exit_code == 2
    assert "say where the picture goes with --svg FILE" in said.output
    assert (here / "small.svg").read_text() == "<svg>the company's logo</svg>"


def test_a_flow_file_is_drawn_as_svg_and_as_mermaid_in_one_go(here: Path) -> None:
    said = run("new.py", "--svg", "a.svg", "--mermaid", "a.mmd")
    assert said.exit_code == 0, said.output
    assert "5 days, then cfo" in (here / "a.svg").read_text().replace("</text>", "")
    assert (here / "a.mmd").read_text().startswith("flowchart LR\n")


def test_a_dash_prints_the_text_alone(here: Path) -> None:
    said = run("new.py::small", "--mermaid", "-")
    assert said.stdout.startswith("flowchart LR\n")
    assert said.stdout.count("subgraph") == 2
    assert not list(here.glob("*.svg"))


def test_the_difference_of_two_files_is_marked(here: Path) -> None:
    said = run("new.py", "--diff", "old.py", "--svg", "d.svg")
    assert said.exit_code == 0, said.output
    assert "steps 0 added, 0 removed, 1 changed" in said.output
    drawn = (here / "d.svg").read_text()
    assert "f-dot chg" in drawn
    assert "was: 2 days, then" in drawn


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "there is no flow 'nothing' on offer"),
        (["nothing.py"], "there is no nothing.py"),
        (["small@7"], "small@7 is not released"),
        (["new.py", "--svg", "no/where.svg"], "cannot be written: No such file or directory"),
        (["new.py", "--svg", "-", "--mermaid", "-"], "only one of --svg and --mermaid"),
        (["new.py", "--diff", "gone.py"], "there is no gone.py"),
        (["broken.py"], "there is no flow in broken.py"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(here: Path, arguments: list[str], said: str) -> None:
    (here / "broken.py").write_text("import nothing_of_that_name")
    told = run(*arguments)
    assert told.exit_code == 2
    assert said in " ".join(told.output.replace("│", " ").split())
    assert "Traceback" not in told.output
