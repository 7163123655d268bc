"""`flow plan` and `flow scenarios`: read in the terminal, taken by programs, and one line for whatever is wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.flows.planning import DEAL

DAY = "--start is a day or a time from 1990 to 2090, such as 2026-11-23T09:00, not"


@pytest.fixture(autouse=True)
def shipped_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THROUGHLINE_FLOWS", raising=False)


def written(folder: Path, **plain: Any) -> str:
    path = folder / "facts.json"
    path.write_text(json.dumps({**DEAL, **plain}))
    return str(path)


def planned(folder: Path, *more: str, **plain: Any) -> int:
    return run(
        ["flow", "plan", "managed-services", "--facts", written(folder, **plain), "--start", "2026-11-24", *more]
    )


def test_a_plan_is_read_from_top_to_bottom_and_fits_a_terminal(tmp_path, capsys):
    assert planned(tmp_path) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "managed-services version 1, if everybody says yes"
    assert "arrives Tue 24 Nov 2026 09:00" in lines[1]
    stages = [line for line in lines if line in ("quote", "review", "contract", "closed-won", "handoff")]
    assert stages == ["quote", "review", "contract", "closed-won", "handoff"]
    for told in (
        "  2   approval Discount",
        "       asks    Joel Marsh (deal desk)",
        "       why     discount 35 % > 15 %",
        "       due     2 business days: Wed 25 Nov 2026 17:00; then Vera Lindqvist (vp sales too)",
        "  5 ├ approval Finance",
        "       knows   amount $500,000, margin 19.5 %, quote 6327245c *, scope 5f161c91 *",
        "  7 └ Project",
    ):
        assert told in lines, told
    assert "duplicate safety B, a unique name" in said
    assert "The deal ends won, on Mon 21 Dec 2026 17:00 at the latest" in said
    assert "* made up, since the facts do not say: quote, scope, sales order, project." in said


def test_what_is_skipped_and_where_it_stops_are_said_with_who_has_to_supply_it(tmp_path, capsys):
    assert planned(tmp_path, discount=10, amount=60_000, margin=35, data_class=None) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "– approval Discount is skipped, because discount 10 % is not > 15 %" in said
    assert "! └ approval Security: it stops here" in said
    assert "? Signature of sow: may follow" in said
    assert "It stops at approval:security until data class is known." in said
    assert "data class: public, internal, confidential, restricted, from the CRM or Dana Whitlock on the deal's" in said


def test_who_is_called_in_for_a_party_is_told_apart_from_who_belongs_to_it(tmp_path, capsys):
    assert planned(tmp_path, owner="noor") == 0
    lines = capsys.readouterr().out.splitlines()
    asked = lines.index("       asks    Noor Halvorsen (finance)")
    assert lines[asked + 1] == "               and at once Daniel Reyes, since too few of finance may answer"


def test_a_plan_as_json_has_every_step_with_who_why_and_by_when(tmp_path, capsys):
    assert planned(tmp_path, "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    steps = {step["step"]: step for step in plain["steps"]}
    assert plain["ending"] == "won"
    assert steps["approval:discount"]["asked"] == [
        {"who": "deal desk", "people": ["joel"], "because": "", "called": []}
    ]
    assert steps["approval:discount"]["due"] == "2026-11-25T23:00:00Z"
    assert steps["call:create_project"]["outside"]["safety"] == "B"
    assert plain["happens"][0] == ["done", "call:price_quote"]


def test_facts_may_come_from_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(DEAL)))
    assert run(["flow", "plan", "managed-services", "--facts", "-"]) == 0
    assert "The deal ends won" in capsys.readouterr().out


def test_a_flow_whose_roles_nobody_of_the_demo_has_is_planned_with_stand_ins(tmp_path, capsys):
    (tmp_path / "facts.json").write_text(json.dumps({"owner": "dana", "public_tender": "no"}))
    assert run(["flow", "plan", "construction", "--facts", str(tmp_path / "facts.json")]) == 0
    said = capsys.readouterr().out
    assert "Site manager 1" in said
    assert "Numbers stand in where too few of the demo's company have a role" in said


def test_a_deal_the_flow_would_not_take_is_planned_with_a_word_of_that(tmp_path, capsys):
    (tmp_path / "facts.json").write_text(json.dumps({"owner": "dana", "line_of_business": "saas"}))
    assert run(["flow", "plan", "construction", "--facts", str(tmp_path / "facts.json")]) == 0
    told = "By itself no such deal comes to this flow: line of business saas is not construction."
    assert told in " ".join(capsys.readouterr().out.split())


def test_a_sum_in_a_currency_without_a_rate_stops_the_plan_and_says_so(tmp_path, capsys):
    (tmp_path / "facts.json").write_text(json.dumps({**DEAL, "amount": "48000 EUR"}))
    assert run(["flow", "plan", "managed-services", "--facts", str(tmp_path / "facts.json")]) == 0
    told = "It stops at approval:legal: no exchange rate is known for amount €48,000; give it in USD."
    assert told in " ".join(capsys.readouterr().out.split())


def test_people_come_from_a_file_of_ones_own(tmp_path, capsys):
    people = tmp_path / "people.toml"
    people.write_text('[[people]]\nid = "ann"\nname = "Ann Ode"\nroles = ["deal_desk"]\n')
    assert planned(tmp_path, "--people", str(people)) == 0
    said = capsys.readouterr().out
    assert "Ann Ode (deal desk)" in said
    assert "It stops at approval:deep-discount: nobody can answer" in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "managed-service", "--facts", "FACTS"], "there is no flow 'managed-service' on offer; there are"),
        (["plan", "nothing.py", "--facts", "FACTS"], "there is no nothing.py"),
        (["plan", "managed-services"], "Missing option '--facts'"),
        (["plan", "managed-services", "--facts", "gone.json"], "there is no gone.json; write the deal's facts there"),
        (["plan", "managed-services", "--facts", "BROKEN"], "is not JSON: Expecting value at line 1, column 14"),
        (
            ["plan", "managed-services", "--facts", "UNKNOWN"],
            "did you mean 'discount'?; payment_days is a",
        ),
        (["plan", "managed-services", "--facts", "FACTS", "--start", "soon"], DAY),
        (["plan", "managed-services", "--facts", "FACTS", "--start", "9999-12-31"], DAY),
        (["plan", "managed-services", "--facts", "FACTS", "--start", "0001-01-01"], DAY),
        (["scenarios", "managed-services", "--start", "9999-12-31"], DAY),
        (["plan", "managed-services", "--facts", "FACTS", "--people", "gone.toml"], "gone.toml cannot be read"),
        (["plan", "managed-services", "--facts", "FACTS", "--people", "NOBODY"], "names nobody; write [[people]]"),
        (["scenarios", "nothing"], "there is no flow 'nothing' on offer"),
        (["scenarios", "managed-services", "--facts", "BROKEN"], "is not JSON"),
        (["scenarios", "managed-services", "--save", "FACTS"], "cannot be written"),
    ],
)
def test_whatever_is_wrong_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FACTS").write_text(json.dumps(DEAL))
    (tmp_path / "BROKEN").write_text('{"discount": }')
    (tmp_path / "UNKNOWN").write_text('{"discuont": 3, "payment_days": "soon"}')
    (tmp_path / "NOBODY").write_text("people = []")
    assert run(["flow", *arguments]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_scenarios_are_a_table_that_fits_a_terminal(capsys):
    assert run(["flow", "scenarios", "managed-services"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("managed-services version 1: 3 deals go every one of its 17 ways; no fewer could.")
    assert max(len(line.rstrip()) for line in said.splitlines()) <= 100
    for told in ("discount, deep discount", "Legal +", "the ordinary deal", "amount $9,999", "= won"):
        assert told in said


def test_scenarios_are_saved_as_facts_files_that_a_plan_takes(tmp_path, capsys):
    folder = tmp_path / "deals"
    assert run(["flow", "scenarios", "managed-services", "--save", str(folder)]) == 0
    assert "3 facts files are in" in capsys.readouterr().out
    files = sorted(folder.iterdir())
    assert [file.name[:3] for file in files] == ["01-", "02-", "03-"]
    for file in files:
        assert run(["flow", "plan", "managed-services", "--facts", str(file)]) == 0
        assert "The deal ends won" in capsys.readouterr().out


def test_scenarios_as_json_say_what_each_covers_and_hold_facts_as_files_have_them(capsys):
    assert run(["flow", "scenarios", "managed-services", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["at_least"] == len(plain["scenarios"]) == 3
    assert plain["scenarios"][2]["facts"]["amount"] == "9999 USD"
    assert {text for each in plain["scenarios"] for text in each["covers"]} == set(plain["branches"])
