"""`flow new` writes a company folder that is clean at once, typed, tested, and never overwrites anything."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from activities.documents import load_templates, render
from activities.pricing import Sold, SoldLine, quote_for, shipped_book
from cli.main import run
from models.money import percent
from models.values import Digest, Text, Value, Whole, digest_of

ROOT = Path(__file__).parents[2]
WRITTEN = {
    "enterprise_deals.py",
    "facts.py",
    "enterprise_deals.facts.json",
    "tests/test_enterprise_deals.py",
    "templates/documents/sow/enterprise_deals/manifest.toml",
    "templates/documents/sow/enterprise_deals/template.typ.j2",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place to work in, with a folder `flows` that holds a new flow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THROUGHLINE_FLOWS", raising=False)
    assert run(["flow", "new", "enterprise-deals"]) == 0
    return tmp_path / "flows"


def files(folder: Path) -> dict[str, str]:
    every = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in every}


def ran(*command: str, at: Path) -> str:
    plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = (sys.executable, "-m", *command)
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, env=plain)
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def test_it_writes_a_flow_its_facts_its_document_a_deal_and_a_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THROUGHLINE_FLOWS", raising=False)
    assert run(["flow", "new", "enterprise-deals"]) == 0
    assert set(files(tmp_path / "flows")) == WRITTEN
    said = capsys.readouterr().out
    assert {line.removeprefix("wrote flows/") for line in said.splitlines() if line.startswith("wrote ")} == WRITTEN
    assert "Next: throughline flow check flows\n" in said
    assert "throughline flow plan flows/enterprise_deals.py --facts flows/enterprise_deals.facts.json" in said
    assert said.endswith("export THROUGHLINE_FLOWS=flows\n")


def test_nothing_of_the_pattern_it_is_made_from_is_left(folder: Path) -> None:
    for name, text in files(folder).items():
        assert not any(word in text for word in ("new_deals", "new-deals", "New deals", "new deals")), name


def test_what_it_writes_has_no_mistakes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flow", "check", str(folder)]) == 0
    assert "1 flow checked, no mistakes" in capsys.readouterr().out


def test_its_own_test_passes_and_fails_when_the_policy_changes(folder: Path) -> None:
    quiet = ("pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "-c", os.devnull, "--rootdir", str(folder))
    assert ran(*quiet, str(folder), at=folder).startswith("0\n")
    flow = folder / "enterprise_deals.py"
    written = flow.read_text()
    flow.write_text(written.replace("deal.discount > percent(15)", "deal.discount > percent(25)"))
    assert ran(*quiet, str(folder), at=folder).startswith("1\n")
    flow.write_text(written.replace('by="deal_desk"', 'by="deal_dsk"'))
    assert "nobody has the role 'deal_dsk'; did you mean 'deal_desk'?" in ran(*quiet, str(folder), at=folder)


def test_what_it_writes_is_formatted_and_strictly_typed(folder: Path) -> None:
    assert ran("ruff", "format", "--check", "--line-length", "120", ".", at=folder).startswith("0\n")
    ours = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache"))
    typed = ran("mypy", *ours, "facts.py", "enterprise_deals.py", "tests/test_enterprise_deals.py", at=folder)
    assert typed.startswith("0\n"), typed


def test_its_document_can_be_made(folder: Path) -> None:
    quote = quote_for(
        Sold(
            currency="USD", discount=percent(10), term_months=36, priced_on=date(2026, 11, 16),
            lines=(SoldLine(key="1", sku="managed-workplace", quantity=Decimal(180)),),
        ),
        shipped_book(),
    )  # fmt: skip
    stored = quote.model_dump_json().encode()
    facts: dict[str, Value] = {
        "account": Text(v="Corvane Logistics"), "signatory": Text(v="Mara Oduya <mara@corvane.example>"),
        "quote": Digest(sha256=digest_of(stored)), "scope": Digest(sha256=quote.scope),
        "amount": quote.totals.amount, "payment_days": Whole(v=30),
    }  # fmt: skip
    template = load_templates([folder / "templates" / "documents"])["sow/enterprise_deals"]
    made = render(template, facts, dated=date(2026, 11, 16), contents={digest_of(stored): stored})
    assert made.rendered.title == "Statement of work: enterprise deals"
    assert "Corvane Logistics" in made.html.decode()


def test_a_second_flow_shares_the_facts_and_the_first_is_left_alone(folder: Path) -> None:
    (folder / "facts.py").write_text((folder / "facts.py").read_text() + "# our own words\n")
    before = files(folder)
    assert run(["flow", "new", "renewals", "--into", str(folder)]) == 0
    after = files(folder)
    assert {name: after[name] for name in before} == before
    assert "renewals.py" in after
    assert run(["flow", "check", str(folder)]) == 0


def test_what_is_there_is_never_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(folder)
    assert run(["flow", "new", "enterprise_deals"]) == 2
    assert capsys.readouterr().err == (
        "throughline: Invalid value: flows/enterprise_deals.py exists already and is not overwritten; "
        "choose another name (see `throughline flow new --help`)\n"
    )
    assert files(folder) == before


def test_facts_that_lack_what_the_flow_needs_are_named_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder / "facts.py"
    own.write_text(
        own.read_text().replace("    margin: Ordered[Percent] = fact(STEP, worse=LOWER, guardrail=True)\n", "")
    )
    before = files(folder)
    assert run(["flow", "new", "renewals"]) == 2
    assert "Facts has no fact 'margin'" in capsys.readouterr().err
    assert files(folder) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Enterprise Deals", "is no name for a flow; use small letters, digits and hyphens, as in enterprise-deals"),
        ("2nd-deals", "is no name for a flow"),
        ("class", "is no name for a flow"),
        ("../elsewhere", "is no name for a flow"),
        ("json", "json.py would hide what Python knows by that name"),
        ("facts", "facts.py would hide"),
        ("models", "models.py would hide"),
    ],
)
def test_a_name_that_cannot_be_a_flow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["flow", "new", name]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_name_of_a_shipped_flow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["flow", "new", "managed-services"]) == 2
    assert capsys.readouterr().err == (
        "throughline: Invalid value: there is a flow managed-services already; choose another name "
        "(see `throughline flow new --help`)\n"
    )
    assert not list(tmp_path.iterdir())


def test_the_name_of_a_flow_in_another_file_of_the_folder_or_on_offer_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "enterprise_deals.py").rename(folder / "large.py")
    (folder / "enterprise_deals.facts.json").unlink()
    (folder / "tests" / "test_enterprise_deals.py").unlink()
    for path in sorted(folder.glob("templates/documents/sow/enterprise_deals/*")):
        path.rename(path.with_name(f"old-{path.name}"))
    before = files(folder)
    monkeypatch.setenv("THROUGHLINE_FLOWS", "not_there_yet")
    assert run(["flow", "new", "enterprise-deals", "--into", "flows"]) == 2
    assert "there is a flow enterprise-deals already; choose another name" in capsys.readouterr().err
    monkeypatch.setenv("THROUGHLINE_FLOWS", "flows")
    assert run(["flow", "new", "enterprise-deals", "--into", "elsewhere"]) == 2
    assert "there is a flow enterprise-deals already; choose another name" in capsys.readouterr().err
    assert files(folder) == before
    assert not Path("elsewhere").exists()


def test_the_next_commands_can_be_pasted_where_the_folder_has_a_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THROUGHLINE_FLOWS", raising=False)
    assert run(["flow", "new", "renewals", "--into", "my flows"]) == 0
    said = capsys.readouterr().out
    lines = [line.removeprefix("Next: ").strip() for line in said.splitlines() if "throughline flow" in line]
    pasted = [shlex.split(line)[1:] for line in lines]
    assert [words[:2] for words in pasted] == [["flow", "check"], ["flow", "plan"]]
    for words in pasted:
        assert run(words) == 0, words
    assert shlex.split(next(line for line in said.splitlines() if "pytest" in line)) == ["pytest", "my flows"]
    assert said.endswith("export THROUGHLINE_FLOWS='my flows'\n")


def test_the_first_folder_of_throughline_flows_is_where_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THROUGHLINE_FLOWS", str(tmp_path / "ours"))
    assert run(["flow", "new", "renewals"]) == 0
    assert "export THROUGHLINE_FLOWS" not in capsys.readouterr().out, "it is named already"
    assert (tmp_path / "ours" / "renewals.py").is_file()
    assert run(["flow", "new", "amendments", "--into", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "amendments.py").is_file()


def test_a_test_that_lies_beside_the_flows_is_not_taken_for_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("test_more.py", "conftest.py"):
        (folder / name).write_text("raise SystemExit(1)\n")
    assert run(["flow", "check", str(folder)]) == 0
    assert "1 flow checked, no mistakes" in capsys.readouterr().out
