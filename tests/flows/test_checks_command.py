"""`throughline flow check`: its formats, its exit codes, what it does with people and with files that are no flows."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from cli.main import run
from tests.flows.test_checks_doc import examples, templates, written
from workflows.checks import CODES, Finding
from workflows.library import load

LARGE = 500


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    folder = tmp_path / "my flows"
    folder.mkdir()
    written(examples()["never_true"].block("failing"), folder)
    return folder


def test_text_says_where_what_why_and_what_to_do(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flow", "check", str(bad)]) == 1
    place, why, remedy, summary = capsys.readouterr().out.splitlines()
    assert place.endswith("never_true]")
    assert f"small.py:{_line()}: error: Approval 'terms': its rule payment days > 30 and payment days < 31" in place
    assert why.strip() == CODES["never_true"].why
    assert remedy == "  correct the values, or take it away with what it stands for"
    assert summary == "1 flow checked, 1 mistake"


def test_json_has_the_same_fields_in_the_same_order(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flow", "check", str(bad), "--json"]) == 1
    [told] = json.loads(capsys.readouterr().out)
    assert list(told) == ["code", "file", "line", "what", "remedy", "flow", "why", "severity"]
    assert list(told) == list(Finding._fields)
    assert run(["flow", "check", str(bad), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == [told]


def test_github_gets_one_annotation_a_line_with_its_signs_escaped(
    bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bad / "small.py").rename(bad / "50% off, a:b.py")
    assert run(["flow", "check", str(bad), "--format", "github"]) == 1
    out = capsys.readouterr().out
    assert "50%25 off%2C a%3Ab.py" in out
    [line] = out.splitlines()
    assert line.startswith("::error file=")


def test_a_github_annotation_names_line_and_code(
    bad: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bad)
    assert run(["flow", "check", ".", "--format", "github"]) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"::error file=small.py,line={_line()},title=never_true::Approval 'terms'")
    assert line.count("%0A") == 2


def test_sarif_has_a_rule_for_every_result(
    bad: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bad)
    assert run(["flow", "check", ".", "--format", "sarif"]) == 1
    log = json.loads(capsys.readouterr().out)
    assert (log["version"], log["$schema"].endswith("sarif-2.1.0.json")) == ("2.1.0", True)
    [ran] = log["runs"]
    [rule], [result] = ran["tool"]["driver"]["rules"], ran["results"]
    assert (rule["id"], rule["defaultConfiguration"]) == ("never_true", {"level": "error"})
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("never_true", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "small.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": _line()}
    monkeypatch.chdir("/")
    assert run(["flow", "check", str(bad), "--format", "sarif"]) == 1
    uri = json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert "my%20flows/small.py" in uri["artifactLocation"]["uri"]


def test_sarif_without_mistakes_is_a_run_without_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flow", "check", "--format", "sarif"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"] == []
    assert run(["flow", "check", "--format", "github"]) == 0
    assert capsys.readouterr().out == ""


def test_warnings_leave_the_exit_code_at_0_unless_they_shall_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(examples()["asked_twice"].block("failing"), tmp_path)
    assert run(["flow", "check", str(tmp_path)]) == 0
    assert "1 flow checked, no mistakes, 1 warning" in capsys.readouterr().out
    assert run(["flow", "check", str(tmp_path), "--strict"]) == 1


def test_gates_are_tried_with_the_people_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    written(examples()["unknown_step"].block("passing"), flows)
    people = tmp_path / "people.toml"

    def one(finance: str, cfo: str) -> int:
        rows = [f'[[people]]\nid = "{name}"\nroles = ["{role}"]\n'
                for name, role in ((finance, "finance"), (cfo, "cfo"), ("vera", "ceo"))]  # fmt: skip
        people.write_text("".join(rows))
        return run(["flow", "check", str(flows), "--people", str(people)])

    assert one("noor", "daniel") == 0
    assert one("noor", "noor") == 1, "the second person would be the first"
    assert "[too_few_people]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("people.toml", '[[people]]\nid = 3\nroles = "ceo"\n', "needs roles ="),
        ("people.toml", "", "names nobody"),
        ("people.toml", "people = 3", "cannot be read"),
        ("people.toml", "[[people", "cannot be read"),
    ],
)
def test_a_people_file_that_says_nothing_is_told_in_one_line(
    bad: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str
) -> None:
    (bad / name).write_text(text)
    assert run(["flow", "check", str(bad), "--people", str(bad / name)]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert len(told.splitlines()) == 1


def test_a_folder_or_file_without_flows_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.py").write_text("x = 1\n")
    for path in (tmp_path, tmp_path / "notes.py"):
        assert run(["flow", "check", str(path)]) == 2
        told = capsys.readouterr().err
        assert "there is no flow in" in told
        assert len(told.splitlines()) == 1
    assert run(["flow", "check", str(tmp_path), "--format", "xml"]) == 2
    assert capsys.readouterr().err.startswith("throughline: Invalid value for '--format': 'xml' is not one of 'text', ")


def test_a_name_in_place_of_a_path_is_told_what_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THROUGHLINE_FLOWS", raising=False)
    assert run(["flow", "check", "managed-services"]) == 2
    told = capsys.readouterr().err
    assert "there is no file or folder managed-services; a flow on offer is checked without a path" in told
    assert run(["flow", "check", "nothing"]) == 2
    told = capsys.readouterr().err
    assert "there is no file or folder nothing; give a flow file or a folder of them" in told


def test_a_file_that_is_no_python_is_a_finding_and_the_others_are_checked(
    bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bad / "broken.py").write_text("small = (\n")
    (bad / "latin.py").write_bytes(b'x = "caf\xe9"\n')
    assert run(["flow", "check", str(bad), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert sorted(each["code"] for each in told) == ["never_true", "not_python", "not_python"]


@pytest.mark.parametrize("nested", [False, True])
def test_a_flow_of_five_hundred_steps_is_checked_in_two_seconds(tmp_path: Path, *, nested: bool) -> None:
    """Every step has rules over the same facts, so that all there is to compare is compared."""
    step = (
        'Approval("a{n}", by="finance", within=business_days(2), escalate_to="cfo", on_reject="s", '
        "when=(deal.margin < percent({n})) | (deal.payment_days > {n}) & (deal.discount > percent({n}))),\n"
    )
    steps = "".join(step.format(n=n) for n in range(1, LARGE + 1))
    if nested:
        rows = [step.format(n=n) for n in range(1, LARGE + 1)]
        steps = "".join(f"When(deal.amount > usd({i}), {''.join(rows[i : i + 25])})," for i in range(0, LARGE, 25))
    (tmp_path / "large.py").write_text(
        "from activities.catalog import price_quote\nfrom workflows.flows.facts import deal\n"
        f"from workflows.language import *\nlarge = Flow('large', Stage('s', Call(price_quote), {steps}), version=1)\n"
    )
    began = time.process_time()
    library = load(tmp_path, templates=templates(), shipped=False)
    found = library.check()
    assert time.process_time() - began < 2
    assert {each.severity for each in found} <= {"warning"}, found[:2]
    assert len(library.flows) == 1


def _line() -> int:
    lines = examples()["never_true"].block("failing").splitlines()
    return next(i for i, line in enumerate(lines, 1) if "# <- here" in line)
