"""`throughline deal` on a real deal: what it prints, what it hands over, and what it says when that cannot be."""

from __future__ import annotations

import json

import pytest
from temporalio.client import WorkflowHandle

from tests.cli.conftest import NOWHERE, Shell
from tests.workflows.worlds import Company


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], installation: None) -> Shell:
    return Shell(capsys, "deal")


async def asked(company: Company) -> WorkflowHandle:
    """A deal that waits for the deal desk."""
    handle = await company.arrive()
    await company.until(handle, "approval:discount")
    return handle


async def test_a_deal_is_listed_shown_and_explained_by_its_short_and_its_whole_id(
    company: Company, shell: Shell
) -> None:
    async with company.at_work():
        deal = (await asked(company)).id
        listed = await shell("list")
        assert listed.code == 0
        assert deal.removeprefix("deal/") in listed.out
        for name in (deal, deal.removeprefix("deal/")):
            shown = await shell("show", name)
            assert "Corvane Logistics" in shown.out
            assert "discount: 35 %" in shown.out
            told = await shell("explain", name)
            assert "Waits for joel" in told.out
            assert "approve" in told.out


async def test_reading_commands_print_json_for_programs(company: Company, shell: Shell) -> None:
    async with company.at_work():
        deal = (await asked(company)).id
        whole = json.loads((await shell("show", deal, "--json")).out)
        assert whole["id"] == deal
        assert whole["waiting_on"] == ["joel"]
        assert deal in [each["id"] for each in json.loads((await shell("list", "--json")).out)]
        assert json.loads((await shell("explain", deal, "--json")).out)["waits"][0]["step"] == "approval:discount"
        entries = json.loads((await shell("journal", deal, "--json")).out)
        assert [entry["position"] for entry in entries] == list(range(1, len(entries) + 1))


async def test_the_owner_holds_releases_and_cancels(company: Company, shell: Shell) -> None:
    async with company.at_work():
        handle = await asked(company)
        held = await shell("hold", handle.id, "--reason", "the board meets on it", "--as", "dana")
        assert (held.code, "on hold" in held.out) == (0, True)
        assert (await company.state(handle)).hold is not None
        assert (await shell("release", handle.id, "--as", "dana")).code == 0
        assert (await company.state(handle)).hold is None
        assert (await shell("cancel", handle.id, "--reason", "bought by somebody else", "--as", "dana")).code == 0
        assert "cancelled" in await company.ended(handle)
        assert "bought by somebody else" in (await shell("journal", handle.id)).out


async def test_whoever_may_not_is_refused_in_one_line_and_the_journal_says_so(company: Company, shell: Shell) -> None:
    async with company.at_work():
        handle = await asked(company)
        refused = await shell("hold", handle.id, "--reason", "wait", "--as", "joel")
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert (await company.state(handle)).hold is None
        assert "hold refused" in (await shell("journal", handle.id)).out


@pytest.mark.parametrize("words", [("show",), ("explain",), ("journal",), ("release", "--as", "dana")])
async def test_an_unknown_deal_is_one_line_and_exit_two(company: Company, shell: Shell, words: tuple[str, ...]) -> None:
    said = await shell(words[0], "hubspot/999999", *words[1:])
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "no deal" in said.err


async def test_an_unknown_person_is_one_line_and_exit_two(company: Company, shell: Shell) -> None:
    said = await shell("release", "hubspot/999999", "--as", "nobody")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "nobody" in said.err


async def test_a_database_that_is_down_is_one_line_and_exit_two(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://x:y@{NOWHERE}/z")
    said = await shell("list")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "database" in said.err


async def test_a_temporal_that_is_down_is_one_line_and_exit_two(
    company: Company, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with company.at_work():
        deal = (await asked(company)).id
        monkeypatch.setenv("TEMPORAL_ADDRESS", NOWHERE)
        said = await shell("hold", deal, "--reason", "wait", "--as", "dana")
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert "Temporal" in said.err
