"""`throughline approval` on a real deal: every act of a request from a terminal, and every refusal in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col
from temporalio.client import WorkflowHandle

from models.tables.people import Person
from tests.cli.conftest import NOWHERE, Shell
from tests.workflows.worlds import Company

DISCOUNT = "approval:discount"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], installation: None) -> Shell:
    return Shell(capsys, "approval")


async def asked(company: Company) -> tuple[WorkflowHandle, str]:
    """A deal that waits for the deal desk, and its short name."""
    handle = await company.arrive()
    await company.until(handle, DISCOUNT)
    return handle, handle.id.removeprefix("deal/")


async def test_a_request_is_listed_shown_and_approved_by_whom_it_waits_for(company: Company, shell: Shell) -> None:
    async with company.at_work():
        handle, deal = await asked(company)
        listed = await shell("list", "--for", "joel")
        assert (listed.code, f"{deal}/{DISCOUNT}/1" in listed.out) == (0, True)
        assert deal not in (await shell("list", "--for", "noor")).out
        shown = await shell("show", deal)
        assert "discount 35 % > 15 %" in shown.out
        assert "on silence:" in shown.out
        ids = [handle.id, f"{deal}/{DISCOUNT}", f"{deal}/{DISCOUNT}/1", f"{handle.id}|{DISCOUNT}|1"]
        rows = [json.loads((await shell("show", name, "--json")).out)["id"] for name in ids]
        assert set(rows) == {f"{handle.id}|{DISCOUNT}|1"}
        said = await shell("approve", deal, "--as", "joel", "--edition", "1")
        assert said.code == 0
        [decision] = (await company.state(handle)).record(DISCOUNT).decisions
        assert (decision.person, decision.verdict, decision.channel) == ("joel", "yes", "command line")
        again = await shell("approve", f"{deal}/{DISCOUNT}", "--as", "joel")
        assert (again.code, "already answered" in again.out) == (0, True)


async def test_a_question_is_asked_answered_and_then_the_request_is_rejected(company: Company, shell: Shell) -> None:
    async with company.at_work():
        handle, deal = await asked(company)
        assert (await shell("ask", deal, "--question", "Who signs?", "--as", "joel")).code == 0
        assert (await company.state(handle)).record(DISCOUNT).inquiry.question == "Who signs?"
        assert (await shell("answer", deal, "--text", "Ada does", "--as", "dana")).code == 0
        assert (await company.state(handle)).record(DISCOUNT).inquiry.answer == "Ada does"
        assert (await shell("reject", deal, "--reason", "too cheap", "--as", "joel")).code == 0
        assert "too cheap" in (await company.state(handle)).revise.reasons[0]


async def test_several_requests_are_answered_one_by_one_each_with_its_own_result(
    company: Company, shell: Shell
) -> None:
    async with company.at_work():
        first, one = await asked(company)
        second, two = await asked(company)
        said = await shell("approve", one, "hubspot/999999", two, "--as", "joel")
        assert said.refused
        assert "1 of 3" in said.err
        assert "hubspot/999999: refused: there is no request" in said.out
        for handle in (first, second):
            assert (await company.state(handle)).record(DISCOUNT).decisions[0].person == "joel"


async def test_whoever_is_not_asked_is_refused_in_one_line_and_the_journal_says_so(
    company: Company, shell: Shell
) -> None:
    async with company.at_work():
        handle, deal = await asked(company)
        assert (await shell("approve", deal, "--as", "noor")).refused
        assert (await shell("recall", deal, "--as", "noor")).refused
        assert (await company.state(handle)).record(DISCOUNT).decisions == []


async def test_who_is_asked_is_changed_from_the_command_line(company: Company, shell: Shell) -> None:
    async with company.at_work():
        handle, deal = await asked(company)
        for words in (
            ("reassign", deal, "--as", "iris", "--of", "joel", "--to", "noor", "--reason", "joel is ill"),
            ("add", deal, "--as", "noor", "--person", "hiro", "--place", "before", "--reason", "odd data"),
            ("nudge", deal, "--as", "dana", "--note", "the customer calls at four"),
        ):
            said = await shell(*words)
            assert said.code == 0, said.err
        record = (await company.state(handle)).record(DISCOUNT)
        assert [(each.of, each.to, each.by) for each in record.moved] == [("joel", "noor", "iris")]
        assert [(each.person, each.place) for each in record.added] == [("hiro", "before")]
        again = await shell("nudge", deal, "--as", "dana")
        assert again.refused
        assert "wait until" in again.err
        assert (await shell("reassign", deal, "--as", "hanna", "--to", "vera", "--reason", "why not")).refused


async def test_an_answer_is_taken_back_and_an_administrator_decides_from_the_command_line(
    company: Company, shell: Shell
) -> None:
    async with company.database.write() as session:
        await session.execute(update(Person).where(col(Person.id) == "iris").values(roles=["sales_ops", "admin"]))
    async with company.at_work():
        handle, deal = await asked(company)
        request = f"{deal}/{DISCOUNT}"
        assert (await shell("approve", deal, "--as", "joel")).code == 0
        assert (await shell("undo", request, "--as", "joel")).code == 0
        assert (await company.state(handle)).record(DISCOUNT).decisions == []
        await company.until(handle, DISCOUNT)
        assert (await shell("override", request, "approve", "--as", "noor", "--reason", "board")).refused
        assert (await shell("override", request, "approve", "--as", "iris", "--reason", "board")).code == 0
        [decision] = (await company.state(handle)).record(DISCOUNT).decisions
        assert (decision.person, decision.override, decision.reason) == ("iris", True, "board")


async def test_a_comment_carries_files_and_a_preview_changes_nothing(
    company: Company, shell: Shell, tmp_path: Path
) -> None:
    paper, program = tmp_path / "agreement.txt", tmp_path / "tool.exe"
    paper.write_text("agreed")
    program.write_bytes(b"MZ")
    async with company.at_work():
        handle, deal = await asked(company)
        said = await shell("comment", deal, "--text", "see this", "--as", "dana", "--attach", str(paper))
        assert said.code == 0, said.err
        for file in (program, tmp_path / "nowhere.pdf"):
            assert (await shell("comment", deal, "--text", "see this", "--as", "dana", "--attach", str(file))).refused
        assert (await shell("approve", deal, "--as", "joel")).code == 0
        await company.until(handle, "approval:deep-discount")
        before = await company.state(handle)
        worse = await shell("preview", deal, "--as", "dana", "--set", "discount=40")
        assert worse.code == 0, worse.err
        assert "discount: asked again" in worse.out
        better = await shell("preview", deal, "--as", "dana", "--set", "discount=33")
        assert "discount: stands" in better.out
        for wrong in ("discount", "discount=dear", "discuont=3"):
            assert (await shell("preview", deal, "--as", "dana", "--set", wrong)).refused
        assert (await shell("preview", "hubspot/999999", "--as", "dana")).refused
        assert (await company.state(handle)).facts == before.facts


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "hubspot/999999"), "no request"),
        (("show", "5012345"), "hubspot/5012345/approval:discount"),
        (("list", "--for", "nobody"), "no person 'nobody'"),
        (("approve", "hubspot/999999", "--as", "nobody"), "no active person 'nobody'"),
        (("approve", "hubspot/999999", "--as", "joel"), "no request"),
        (("approve", "hubspot/999999", "--as", "joel", "--form", "{"), "not JSON"),
        (("approve", "hubspot/999999", "--as", "joel", "--form", "[]"), "not an object"),
        (("approve", "hubspot/999999"), "--as"),
        (("reject", "hubspot/999999", "--as", "joel"), "--reason"),
        (("override", "hubspot/999999", "perhaps", "--reason", "x", "--as", "iris"), "perhaps"),
        (("add", "hubspot/999999", "--person", "vera", "--reason", "x", "--as", "joel", "--place", "beside"), "beside"),
    ],
    ids=lambda given: " ".join(given)[:40] if isinstance(given, tuple) else "",
)
async def test_bad_input_is_one_line_and_exit_two(
    company: Company, shell: Shell, words: tuple[str, ...], said: str
) -> None:
    heard = await shell(*words)
    assert heard.refused
    assert said in heard.err


async def test_a_reason_without_end_is_refused_before_anything_is_sent(company: Company, shell: Shell) -> None:
    async with company.at_work():
        handle, deal = await asked(company)
        assert (await shell("reject", deal, "--reason", "", "--as", "joel")).refused
        long = await shell("comment", deal, "--text", "x" * 5_000, "--as", "joel")
        assert long.refused
        assert "4000" in long.err
        assert (await company.state(handle)).record(DISCOUNT).decisions == []


async def test_a_database_that_is_down_is_one_line_and_exit_two(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://x:y@{NOWHERE}/z")
    assert (await shell("list")).refused
