"""What an editor knows of a flow: the types of facts and rules, and which lines cannot be meant."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = """\
from collections.abc import Sequence

from activities.catalog import create_project, price_quote
from workflows.flows.facts import deal
from workflows.language import (
    Approval, Call, Flow, Handoff, Parallel, Render, Signature, Stage, Task, Wait, When, business_days, days, group,
    lost, owner, percent, pick, row, table, usd,
)

"""
APPROVAL = 'Approval("a", by="legal", within=days(2)'
WRONG = {
    "deal.discuont > percent(15)": 'has no attribute "discuont"',
    "deal.discount > 15": "Unsupported operand types",
    "deal.amount > percent(15)": "Unsupported operand types",
    "deal.payment_days > usd(45)": "Unsupported operand types",
    'deal.amount.is_("a lot")': "incompatible type",
    'deal.data_class > "public"': "Unsupported operand types",
    "deal.discount > percent(15) | deal.margin < percent(22)": "Unsupported left operand type for |",
    "percent(15.5)": 'incompatible type "float"',
    "usd(99.5)": 'incompatible type "float"',
    'Approval("a", by="legal")': 'Missing named argument "within"',
    'Approval("a", within=days(2))': 'Missing named argument "by"',
    f"{APPROVAL}, escalate=1)": 'Unexpected keyword argument "escalate"',
    'Approval("a", by="legal", within="2 days")': 'incompatible type "str"; expected "Span',
    'Approval("a", by="legal", within=2)': 'incompatible type "int"; expected "Span',
    f"{APPROVAL}, when=deal.amount)": 'incompatible type "Ordered[Money]"',
    f"{APPROVAL}, when=lambda: True)": "incompatible type",
    f'{APPROVAL}, covers=["discount"])': 'expected "Fact[Any]"',
    f'{APPROVAL}, need="both")': 'incompatible type "Literal[\'both\']"',
    f'{APPROVAL}, repeat="never")': "expected",
    f"{APPROVAL}, on_reject=3)": 'incompatible type "int"',
    'Call("create_project")': 'incompatible type "str"; expected "Action',
    'Call(create_project, inputs={"account": "account"})': "Fact[Any]",
    'Render("sow", template=3)': "incompatible type",
    'Signature("sow", within=days(3), escalate_to="ceo")': 'Unexpected keyword argument "escalate_to"',
    'Wait("x", until="2026-01-01")': 'incompatible type "str"',
    'Task("x", by="sales", within=days(1), form=deal.goals)': "Answers[Any]",
    'Handoff("p", within=days(1))': 'Missing named argument "to"',
    'Stage("a", Stage("b"))': "incompatible type",
    'Flow("a", Call(price_quote), version=1)': "incompatible type",
    'Flow("a", Stage("s"))': 'Missing named argument "version"',
    "Parallel(deal.amount)": "incompatible type",
    "owner(deal.amount)": 'expected "Fact[str]"',
    'table("t", row("cfo"))': 'Missing named argument "match"',
    'table("t", deal.amount, match="first")': 'expected "Row"',
    'table("t", row("cfo"), match="one")': "expected \"Literal['first', 'all']\"",
    'row("cfo", when=deal.amount)': 'incompatible type "Ordered[Money]"',
    'row("cfo", since="2027-01-01")': 'expected "date | None"',
    f'{APPROVAL}, hours="theirs")': "expected",
    f'{APPROVAL}, override="three")': "expected",
    "lost()": 'Missing positional argument "reason"',
    "business_days(0.5)": 'incompatible type "float"',
}  # fmt: skip
REVEALED = {
    "deal.discount": "Ordered[models.money.Percent]",
    "deal.payment_days": "Ordered[int]",
    "deal.amount": "Ordered[models.money.Money]",
    "deal.data_class": "Fact[workflows.flows.facts.DataClass]",
    "deal.close_date": "Ordered[datetime.date]",
    "deal.lines": "Each[Any]",
    "deal.discount > percent(15)": "Compare",
    "deal.data_class.is_set()": "IsSet",
    "(deal.amount > usd(5)) & (deal.discount > percent(15))": "Every",
    "(deal.amount > usd(5)) | deal.goals.is_set()": "Some",
    f"{APPROVAL})": "ApprovalDef",
    'Stage("s", Call(price_quote))': "StageDef",
    'Flow("f", version=1)': "FlowDef",
    "pick(days(2), when=deal.amount > usd(5), otherwise=days(5))": "Choice[models.calendar.Span]",
    'group("security", need=2)': "Group",
}
RIGHT = (
    f'{APPROVAL}, when=(deal.discount > percent("15.5")) & ~deal.data_class.one_of("public", "internal"))',
    'Approval("a", by=["legal", owner(deal.owner)], within=business_days(1), escalate_to=("cfo", ["ceo", "legal"]))',
    'Approval("a", by=pick("cfo", when=deal.amount > usd(5), otherwise="legal"), within=days(1), on_reject=lost("no"))',
    'When(deal.amount > usd(5), Call(create_project), otherwise=(Call(price_quote), lost("too small")))',
    'Parallel(Call(price_quote), (Call(create_project), Wait("go", until=deal.close_date, lead=days(3))))',
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each line, all lines in one run."""
    lines = [*WRONG, *(f"reveal_type({line})" for line in REVEALED), *RIGHT]
    file = tmp_path_factory.mktemp("typed") / "ours.py"
    file.write_text(HEAD + "".join(f"_{n} = {line}\n" for n, line in enumerate(lines)))
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--follow-imports=silent", str(file)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found: dict[str, list[str]] = {line: [] for line in lines}
    for number, text in re.findall(r"ours\.py:(\d+): (?:error|note): (.*)", told):
        found[lines[int(number) - HEAD.count("\n") - 1]].append(text)
    return found


@pytest.mark.parametrize("line", WRONG)
def test_a_line_that_cannot_be_meant_is_an_error_in_the_editor(said: dict[str, list[str]], line: str) -> None:
    assert any(WRONG[line] in text for text in said[line]), said[line]


@pytest.mark.parametrize("line", REVEALED)
def test_the_editor_knows_what_each_thing_is(said: dict[str, list[str]], line: str) -> None:
    [text] = said[f"reveal_type({line})"]
    assert REVEALED[line] in text


@pytest.mark.parametrize("line", RIGHT)
def test_a_line_that_is_right_is_no_error(said: dict[str, list[str]], line: str) -> None:
    assert said[line] == []
