"""`throughline rehearse`: its timeline and figures, files that are wrong told in one line, and tests it writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.flows.planning import DEAL

ROOT = Path(__file__).parents[2]
START = ("--start", "2026-11-23")
FACTS: dict[str, Any] = DEAL


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """The big deal as a facts file."""
    file = tmp_path / "deal.json"
    file.write_text(json.dumps(FACTS))
    return file


def said(arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> str:
    """What a rehearsal prints; it succeeds."""
    assert run(["rehearse", *map(str, arguments), *START]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line a wrong call is told; it ends with 2 and prints nothing else."""
    code = run(["rehearse", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == ""
    assert len(err.splitlines()) == 1, err
    return err


def test_one_deal_is_told_with_date_time_who_what_and_why(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(["managed-services", "--facts", facts], capsys)
    assert "Mon 23 Nov 2026\n  09:00" in told
    assert re.search(r"\? → Joel Marsh +discount asked: discount 35 % > 15 %", told)
    assert re.search(r"✓ Joel Marsh +discount: approve +\(after .* of their time\)", told)
    assert "Thu 26 Nov is a holiday" in told
    assert "The deal ended won after " in told


def test_the_same_seed_prints_the_same_and_json_holds_the_whole_flight(
    facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = (said(["managed-services", "--facts", facts, "--json", "--seed", 5], capsys) for _ in range(2))
    assert first == again
    plain = json.loads(first)
    assert plain["flight"]["outcome"] == "won"
    assert plain["story"]["lines"][0]["what"].startswith("the deal arrived")


def test_many_deals_print_tables_bars_and_weeks_and_draw_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(["managed-services", "--deals", 4, "--months", 1, "--svg", tmp_path / "plots.svg"], capsys)
    assert "managed-services version 1: 4 deals" in told
    assert re.search(r"  quote +4 ", told)
    assert "The bottleneck is " in told
    assert re.search(r"arrived  [▁▂▃▄▅▆▇█ ]+ at most", told)
    assert (tmp_path / "plots.svg").read_text().startswith("<svg xmlns")


def test_a_list_of_facts_is_a_deal_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "deals.json"
    file.write_text(json.dumps([FACTS, {**FACTS, "discount": 10, "margin": "40 %"}]))
    assert "2 deals" in said(["managed-services", "--facts", file], capsys)


def test_people_of_a_file_answer_as_it_says(tmp_path: Path, facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = tmp_path / "people.toml"
    roles = ("account_executive", "cfo", "finance", "legal", "security", "delivery_manager", "ceo", "delivery_head")
    others = "".join(f'[[people]]\nid = "{role}"\nroles = ["{role}"]\n' for role in roles)
    people.write_text(
        '[[people]]\nid = "dana"\nroles = ["sales", "security"]\nmanager = "boss"\n'
        '[[people]]\nid = "boss"\nname = "Bo Boss"\nroles = ["vp_sales", "general_counsel", "ciso"]\n'
        '[[people]]\nid = "joel"\nname = "Joel"\nroles = ["deal_desk", "security"]\nzone = "Europe/Berlin"\n'
        'country = "DE"\n'
        'hours = {mon = "9-12, 13-17", tue = "9-12"}\nleave = ["2026-11-23..2026-11-29"]\n'
        f'answers_after = 1\nspread = 1\nminutes = 5\nrejects = "0 %"\n[customer]\nanswers_after = 4\n{others}'
    )
    told = said(["managed-services", "--facts", facts, "--people", people], capsys)
    assert "late, so Bo Boss is asked too" in told, "the deal desk is on leave"


def test_an_outage_that_never_ends_is_noted_and_becomes_an_incident(
    tmp_path: Path, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outages = tmp_path / "outages.toml"
    outages.write_text('[[outages]]\nsystem = "ERP"\nfrom = 2026-11-23T00:00:00\n')
    assert run(["rehearse", "managed-services", "--facts", str(facts), "--outages", str(outages), *START]) == 0
    out, err = capsys.readouterr()
    assert "note: ERP goes down on 2026-11-23 06:00 UTC and never comes back" in err
    assert "it did not answer in time" in out


def test_a_database_that_never_comes_back_is_noted_and_told_of(
    tmp_path: Path, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outages = tmp_path / "outages.toml"
    outages.write_text('[[outages]]\nsystem = "database"\nfrom = 2026-11-20T09:00:00\n')
    assert run(["rehearse", "managed-services", "--facts", str(facts), "--outages", str(outages), *START]) == 0
    out, err = capsys.readouterr()
    assert "never comes back; nothing is on record from then on" in err
    assert "the database has not answered since Mon 23 Nov 2026" in " ".join(out.split())


@pytest.mark.parametrize("many", [(), ("--deals", "2", "--months", "1")], ids=["one deal", "many"])
def test_a_terminal_shows_which_day_it_is_in_virtual_time(
    many: Sequence[str], facts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run(["rehearse", "managed-services", "--facts", str(facts), *many, *START]) == 0
    assert re.search(r"(days|deals) · \d\d (Nov|Dec) 2026", capsys.readouterr().err)


WRONG_FACTS = {
    "not json": ("{discount: 35}", "is not JSON"),
    "a list of nothing": ("[]", "lists no deal"),
    "wrong type": ('{"discount": "a lot"}', "discount"),
    "unknown fact": ('{"discout": 5}', "did you mean 'discount'?"),
    "wrong in a list": ('[{"discount": 5}, {"discount": "a lot"}]', "deal 2 of"),
    "a list of numbers": ("[1]", "deal 1 of"),
    "nested for ever": ("[" * 100_000, "is not JSON"),
}


@pytest.mark.parametrize(("text", "told"), WRONG_FACTS.values(), ids=WRONG_FACTS)
def test_facts_that_cannot_be_taken_are_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "facts.json"
    file.write_text(text)
    assert told in refused(["managed-services", "--facts", file], capsys)


ONE = '[[people]]\nid = "dana"\nroles = ["sales"]\n'
WRONG_PEOPLE = {
    "unknown zone": (f'{ONE}zone = "Mars/Base"', "people.toml:4: unknown time zone 'Mars/Base'"),
    "unknown country": (f'{ONE}country = "XX"', "people.toml:4: no public holidays are known for XX"),
    "no hours": (f'{ONE}hours = "nine to five"', "people.toml:4: 'nine to five' are no hours"),
    "hours backwards": (f'{ONE}hours = "17:00-9:00"', "people.toml:4: the hours of a day must be in order"),
    "never works": (f"{ONE}hours = {{}}", "people.toml:4: a calendar without working hours"),
    "no leave": (f'{ONE}leave = ["soon"]', "people.toml:4: soon is no leave"),
    "leave backwards": (f'{ONE}leave = ["2026-12-24..2026-12-01"]', "ends before it begins"),
    "share over all": (f'{ONE}rejects = "120 %"', "people.toml:4: rejects is a share"),
    "habit of a text": (f'{ONE}answers_after = "soon"', "people.toml:4: answers_after is a number"),
    "misspelt": (f"{ONE}answer_after = 3", "people.toml:4: nothing is called 'answer_after' here"),
    "no id": ('[[people]]\nname = "Dana"', "people.toml:1: id is missing"),
    "twice": (ONE + ONE, "people.toml:5: two people have the id 'dana'"),
    "manager of oneself": (f'{ONE}manager = "dana"', "people.toml:4: dana cannot be their own manager"),
    "manager of nobody": (f'{ONE}manager = "zeus"', "people.toml:4: dana's manager 'zeus' is nobody"),
    "nobody": ("", "names nobody"),
    "no toml": ("[[people", "is not TOML"),
}


@pytest.mark.parametrize(("text", "told"), WRONG_PEOPLE.values(), ids=WRONG_PEOPLE)
def test_people_that_cannot_be_taken_are_told_with_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "people.toml"
    file.write_text(text)
    assert told in refused(["managed-services", "--people", file], capsys)


ERP = '[[outages]]\nsystem = "ERP"\n'
WRONG_OUTAGES = {
    "unknown system": ('[[outages]]\nsystem = "fax"\nfrom = 2026-12-01', "outages.toml:2: this flow uses no 'fax'"),
    "no begin": (ERP, "outages.toml:1: from is missing"),
    "ends first": (f"{ERP}from = 2026-12-02\nuntil = 2026-12-01", "outages.toml:4: the outage ends before it begins"),
    "both": (f'{ERP}from = 2026-12-02\nuntil = 2026-12-03\nlasting = "1 day"', "has until or lasting, not both"),
    "again without end": (f'{ERP}from = 2026-12-02\nevery = "7 days"', "outages.toml:4: an outage that comes again"),
    "no time": (f'{ERP}from = "soon"', "outages.toml:3: from is a time such as"),
    "no span": (f'{ERP}from = 2026-12-02\nlasting = "a while"', "outages.toml:4: lasting is a time such as"),
    "none": ("", "names no outage"),
}


@pytest.mark.parametrize(("text", "told"), WRONG_OUTAGES.values(), ids=WRONG_OUTAGES)
def test_outages_that_cannot_be_taken_are_told_with_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "outages.toml"
    file.write_text(text)
    assert told in refused(["managed-services", "--outages", file], capsys)


WRONG_CALLS = {
    "no deals": (["--deals", 0], "--deals is from 1 to 2000, not 0"),
    "ten million deals": (["--deals", 10_000_000], "--deals is from 1 to 2000, not 10000000"),
    "no months": (["--months", 0], "--months is more than 0"),
    "a century": (["--months", 1200], "at most 36"),
    "months of nothing": (["--months", "nan"], "--months is more than 0"),
    "no day": (["--start", "soon"], "--start is a day or a time"),
    "a seed below nothing": (["--seed", -1], "--seed is a whole number from 0 to"),
    "a test of many": (["--deals", 2, "--save-test", "x.py"], "--save-test is of one deal"),
    "no file": (["--facts", "nowhere.json"], "there is no nowhere.json"),
    "no people": (["--people", "nowhere.toml"], "there is no nowhere.toml"),
}


@pytest.mark.parametrize(("options", "told"), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_a_wrong_call_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], options: Sequence[object], told: str
) -> None:
    assert told in refused(["managed-services", *options], capsys)


@pytest.mark.parametrize("flow", ["managed-services", "saas"])
def test_a_database_that_is_down_when_the_deal_arrives_delays_and_loses_nothing(
    flow: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outages = tmp_path / "outages.toml"
    outages.write_text('[[outages]]\nsystem = "database"\nfrom = 2026-11-22T09:00:00Z\nlasting = "3 days"\n')
    told = said([flow, "--outages", outages], capsys)
    assert "The deal ended won after " in told


def test_a_rehearsal_writes_over_nothing_but_a_rehearsal(
    tmp_path: Path, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow, own = tmp_path / "policy.py", tmp_path / "test_policy.py"
    flow.write_text("mine = 1\n")
    own.write_text("def test_mine():\n    assert True\n")
    call = ["managed-services", "--facts", facts]
    assert "writes a test, such as test_policy.py" in refused([*call, "--save-test", flow], capsys)
    assert "holds a test of another kind" in refused([*call, "--save-test", own], capsys)
    assert "writes a picture, such as policy.svg" in refused([*call, "--svg", flow], capsys)
    assert (flow.read_text(), "assert True" in own.read_text()) == ("mine = 1\n", True)


def test_more_deals_than_are_rehearsed_are_refused_as_a_list_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = tmp_path / "many.json"
    many.write_text(json.dumps([FACTS] * 2001))
    assert "lists 2001 deals; 2000 are rehearsed at most" in refused(["managed-services", "--facts", many], capsys)


def test_a_flow_nobody_knows_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no-such-flow" in refused(["no-such-flow"], capsys)
    assert "there is no nowhere.py" in refused(["nowhere.py"], capsys)


def test_a_flow_of_five_hundred_steps_is_rehearsed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = ",\n        ".join(f'Approval("look-{i}", by="deal_desk", within=business_days(2))' for i in range(500))
    file = tmp_path / "long.py"
    file.write_text(
        "from workflows.flows.facts import deal\n"
        "from workflows.language import Approval, Flow, Parallel, Stage, business_days, lost\n"
        f'long = Flow("long", Stage("quote", Parallel(\n        {steps}), on_reject=lost("no")), version=1)\n'
    )
    told = said([file, "--months", 0.2], capsys)
    assert "long version 1" in told


def saved_test(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(file.parent), str(file)]
    return subprocess.run(
        [*command, "-c", "/dev/null"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_saved_test_passes_and_fails_in_words_when_the_flow_changes(
    tmp_path: Path, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow, test = tmp_path / "policy.py", tmp_path / "test_policy.py"
    written = (ROOT / "workflows" / "flows" / "managed_services.py").read_text()
    flow.write_text(written)
    said([flow, "--facts", facts, "--save-test", test], capsys)
    assert str(tmp_path) not in test.read_text(), "it moves with the files beside it"
    passed = saved_test(test)
    assert passed.returncode == 0, passed.stdout
    assert "usd(250_000)" in written
    flow.write_text(written.replace("usd(250_000)", "usd(750_000)"))
    failed = saved_test(test)
    assert failed.returncode == 1, failed.stdout
    assert re.search(
        r"- .*→ Hiro Tanabe or Sofia Lindahl: security asked: amount \$500,000 >= \$250,000", failed.stdout
    )
    assert re.search(r"\+ .*security skipped: .*amount \$500,000 is not >= \$750,000", failed.stdout)
