"""The acts around an approval on the real deal: previewed, handed over, taken back, overridden, each on its page."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from api.acting import new_key
from tests.api.browsing import form_token, sign_in
from tests.api.conftest import as_token
from tests.api.test_real_deal import new, real, started, until

__all__ = ["real"]
DISCOUNT = "approval:discount"


async def press(client: httpx2.AsyncClient, path: str, **fields: Any) -> httpx2.Response:
    """Open a page and post a form of it, wherever the form leads."""
    token = form_token((await client.get(path)).text)
    return await client.post(path, data={"form_token": token, "key": new_key(), **fields})


async def journal(client: httpx2.AsyncClient, deal: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await client.get(f"/api/deals/{deal}/journal?limit=200")).json()["entries"]
    return entries


async def at_rest(client: httpx2.AsyncClient, deal: str) -> None:
    """Wait until nothing of a deal is under way but people's answers to something later than its discount."""
    for _ in range(300):
        waits = (await client.get(f"/api/deals/{deal}/explain")).json()["waits"]
        if waits and all(each["kind"] == "approval" and each["step"] != DISCOUNT for each in waits):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(waits)


@pytest.fixture
async def asked(real: str, request: pytest.FixtureRequest) -> str:
    """A deal of its own that waits for the deal desk's answer about its discount."""
    number = str(9000 + sum(map(ord, request.node.name)) % 900)
    async with as_token(real, "dana") as dana:
        deal = await started(dana, new(number, "20"))
        await until(dana, deal, "approval")
    return deal


async def test_a_change_is_shown_before_it_is_made_and_comes_to_what_was_shown(real: str, asked: str) -> None:
    page = f"/requests/{asked}/{DISCOUNT}/1"
    async with sign_in(real, "joel") as joel, sign_in(real, "dana") as dana:
        assert (await press(joel, page, act="approve", edition="1")).status_code == 303
        await at_rest(dana, asked)
        better = await dana.get(f"/deals/{asked}/preview?fact.discount=18 %25")
        worse = await dana.get(f"/deals/{asked}/preview?fact.discount=24 %25")
        wrong = await dana.get(f"/deals/{asked}/preview?fact.discount=a lot")
        assert "Stands" in better.text
        assert "No answer is lost" in better.text
        assert "Asked again" in worse.text
        assert "Joel Marsh's answer to" in worse.text
        assert (wrong.status_code, "aria-invalid" in wrong.text) == (422, True)
        assert "Make the change" not in (await joel.get(f"/deals/{asked}/preview?fact.discount=24 %25")).text
        told = await dana.post(
            f"/api/deals/{asked}/preview", json={"facts": {"discount": {"t": "percent", "value": "24"}}}
        )
        lines = [(each["step"], each["what"], each["person"]) for each in told.json()["lines"]]
        assert (DISCOUNT, "asked again", "joel") in lines
        fields = {"form_token": form_token(worse.text), "fact.discount": "24 %", "key": "dana-changes-it"}
        fields["fingerprint"] = worse.text.partition('name="fingerprint" value="')[2].partition('"')[0]
        unsure = await dana.post(f"/deals/{asked}/preview", data=fields)
        outdated = await dana.post(f"/deals/{asked}/preview", data={**fields, "fingerprint": "0" * 64, "agree": "yes"})
        assert (unsure.status_code, outdated.status_code) == (422, 409)
        assert "Tick that you know" in unsure.text
        made = await dana.post(f"/deals/{asked}/preview", data={**fields, "agree": "yes"})
        assert made.status_code == 303, made.text[-3000:]
    async with as_token(real, "dana") as client:
        wait = await until(client, asked, "approval")
        assert wait["waiting_on"] == ["joel"]
        said = await client.post(f"/api/deals/{asked}/preview", json={"facts": {"nonsense": {"t": "whole", "v": 1}}})
        assert (said.status_code, said.json()["field"]) == (422, "nonsense")


async def test_an_answer_is_taken_back_and_an_administrators_override_stays_marked(real: str, asked: str) -> None:
    page = f"/requests/{asked}/{DISCOUNT}/1"
    async with sign_in(real, "joel") as joel, sign_in(real, "iris") as iris:
        rejected = await press(joel, page, act="reject", reason="too deep", edition="1")
        assert rejected.status_code == 303, rejected.text[-3000:]
        shown = await joel.get(page)
        assert 'value="undo"' in shown.text
        undone = await press(joel, page, act="undo")
        assert undone.status_code == 303, undone.text[-3000:]
        assert "took back" in (await joel.get(undone.headers["location"])).text
        not_admin = await press(joel, page, act="override_approve", reason="now", edition="1")
        assert not_admin.status_code == 403
        silent = await press(iris, page, act="override_approve", reason=" ", edition="1")
        assert (silent.status_code, "it stays marked for ever" in silent.text) == (422, True)
        done = await press(iris, page, act="override_approve", reason="quarter end", edition="1")
        assert done.status_code == 303, done.text[-3000:]
        after = await iris.get(page)
        assert "Closed" in after.text
        entries = await journal(iris, asked)
    kinds = [each["kind"] for each in entries]
    assert "undone answer" in kinds
    marked = next(each for each in entries if each["kind"] == "overridden")
    assert (marked["who"], marked["body"]["override"], marked["body"]["channel"]) == ("iris", True, "page")
    assert ("joel", "override") in [(e["who"], e["body"].get("do")) for e in entries if e["kind"] == "refused"]


async def test_a_place_is_handed_over_somebody_added_and_reminded_and_all_of_it_is_on_the_page(
    real: str, asked: str
) -> None:
    page = f"/requests/{asked}/{DISCOUNT}/1"
    async with sign_in(real, "joel") as joel, sign_in(real, "noor") as noor, sign_in(real, "dana") as dana:
        moved = await press(joel, page, act="reassign", to="Noor Halvorsen", reason="on leave", of="")
        assert moved.status_code == 303, moved.text[-3000:]
        hers = await noor.get(page)
        assert "Joel Marsh handed it to you in place of Joel Marsh: on leave." in hers.text
        added = await press(noor, page, act="add_approver", person="daniel", place="before", reason="a second look")
        assert added.status_code == 303, added.text[-3000:]
        reminded = await press(dana, page, act="nudge", reason="before Friday please")
        assert reminded.status_code == 303, reminded.text[-3000:]
        again = await press(dana, page, act="nudge", reason="")
        assert again.status_code in {403, 409, 422}
        said = await press(dana, page, act="comment", reason="The customer signs on Friday.")
        shown = await dana.get(said.headers["location"])
    for part in ("on leave", "a second look", "before Friday please", "The customer signs on Friday.", "Daniel Reyes"):
        assert part in shown.text, part


async def test_the_owner_takes_a_request_back_and_after_sending_it_in_again_it_is_asked_in_a_new_round(
    real: str, asked: str
) -> None:
    page = f"/requests/{asked}/{DISCOUNT}/1"
    async with sign_in(real, "dana") as dana, sign_in(real, "joel") as joel:
        assert 'value="recall"' not in (await joel.get(page)).text
        back = await press(dana, page, act="recall", reason="a better price is coming")
        assert back.status_code == 303, back.text[-3000:]
        assert "Closed" in (await joel.get(page)).text
        late = await press(joel, page, act="approve", edition="1")
        assert late.status_code == 409, late.text[-3000:]
        await until(dana, asked, "revise")
        fields = {"form_token": form_token((await dana.get(f"/deals/{asked}")).text), "key": new_key()}
        again = await dana.post(f"/deals/{asked}/acts", data={**fields, "act": "resubmit"})
        assert again.status_code == 303, again.text[-3000:]
        wait = await until(dana, asked, "approval")
        entries = await journal(dana, asked)
    assert (wait["step"], wait["round"], wait["waiting_on"]) == (DISCOUNT, 2, ["joel"])
    taken = next(each for each in entries if each["kind"] == "recalled")
    assert (taken["who"], "a better price is coming" in taken["text"]) == ("dana", True)
