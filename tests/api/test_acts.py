"""Acts over JSON: accepted once, refused with a reason, and every refusal is in the journal."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from tests.api.conftest import as_token

CORVANE, MERIDALE, TESSALY = "5012345", "5012346", "5012351"


def decide(verdict: str = "approve", **more: Any) -> dict[str, Any]:
    return {"do": "decide", "step": "approval:finance", "round": 1, "edition": 1, "verdict": verdict, **more}


async def act(client: httpx2.AsyncClient, deal: str, body: dict[str, Any], key: str) -> httpx2.Response:
    return await client.post(f"/api/deals/hubspot/{deal}/acts", json=body, headers={"Idempotency-Key": key})


async def refusals(url: str, deal: str) -> list[dict[str, Any]]:
    async with as_token(url, "iris") as client:
        entries = (await client.get(f"/api/deals/hubspot/{deal}/journal?limit=200")).json()["entries"]
    return [entry for entry in entries if entry["kind"] == "refused"]


async def test_a_wrong_person_is_refused_with_whom_it_waits_for_and_it_is_journalled(doors: str) -> None:
    async with as_token(doors, "joel") as client:
        answer = await act(client, CORVANE, decide(), "joel-key-1")
    problem = answer.json()
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "not_yours"
    assert problem["next"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    told = await refusals(doors, CORVANE)
    assert [(entry["who"], entry["seq"], entry["body"]["code"]) for entry in told] == [("joel", None, "not_yours")]


async def test_a_rejection_without_a_reason_names_the_field(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        answer = await act(client, CORVANE, decide("reject"), "noor-key-1")
    assert answer.status_code == 422
    assert answer.json()["code"] == "reason_needed"
    assert answer.json()["field"] == "reason"


async def test_a_stale_page_gets_the_difference(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        answer = await act(client, MERIDALE, decide(edition=1), "noor-key-2")
    assert answer.status_code == 409
    assert answer.json()["code"] == "stale"
    assert answer.json()["changed"] == {"margin": ["26 %", "21.4 %"]}


async def test_ten_clicks_at_once_are_one_answer_and_a_later_door_sees_it(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        clicks = [act(client, CORVANE, decide(), "noor-key-3") for _ in range(10)]
        answers = await asyncio.gather(*clicks)
        other_door = await act(client, CORVANE, decide("reject", reason="no"), "noor-key-4")
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["seq"] for answer in answers} == {21}
    assert other_door.status_code == 200
    assert other_door.json()["repeated"] is True
    assert other_door.json()["outcome"] == "approve"
    assert other_door.json()["by"] == "noor"


async def test_nobody_acts_under_another_name(doors: str) -> None:
    async with as_token(doors, "joel") as client:
        answer = await act(client, CORVANE, decide(by="noor"), "joel-key-2")
    assert answer.json().get("code") == "not_yours" or answer.json()["repeated"] is True
    assert answer.json().get("by") != "joel"


async def test_one_persons_key_is_not_anothers(doors: str) -> None:
    async with as_token(doors, "dana") as dana, as_token(doors, "iris") as iris:
        first = await act(dana, TESSALY, {"do": "hold", "reason": "waiting for the lease"}, "same-key-1")
        second = await act(iris, TESSALY, {"do": "hold", "reason": "another reason"}, "same-key-1")
    assert first.json()["by"] == "dana"
    assert second.json()["by"] == "iris"
    assert second.json()["seq"] > first.json()["seq"]


async def test_a_stranger_to_the_deal_may_not_cancel_it(doors: str) -> None:
    async with as_token(doors, "hiro") as client:
        answer = await act(client, TESSALY, {"do": "cancel", "reason": "because"}, "hiro-key-1")
    assert answer.status_code == 403
    assert answer.json()["code"] == "not_allowed"
    assert (await refusals(doors, TESSALY))[-1]["who"] == "hiro"


async def test_signing_is_the_customers_and_has_its_own_door(doors: str) -> None:
    body = {"do": "sign", "step": "signature:sow", "round": 1, "document": "0" * 64, "signer": "me"}
    async with as_token(doors, "dana") as client:
        answer = await act(client, CORVANE, body, "dana-key-1")
    assert answer.status_code == 403


async def test_an_act_needs_a_key(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        answer = await client.post(f"/api/deals/hubspot/{CORVANE}/acts", json=decide())
        in_body = await client.post(f"/api/deals/hubspot/{CORVANE}/acts", json=decide(key="noor-key-5"))
    assert answer.status_code == 422
    assert answer.json()["code"] == "key_needed"
    assert in_body.status_code == 200


async def test_an_unknown_deal_and_an_unknown_act_are_said_so(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        nowhere = await act(client, "1", decide(), "noor-key-6")
        strange = await act(client, CORVANE, {"do": "explode"}, "noor-key-7")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "unknown_deal")
    assert (strange.status_code, strange.json()["code"]) == (422, "unreadable")
    assert strange.json()["errors"]


async def test_an_ended_deal_takes_no_act(doors: str) -> None:
    async with as_token(doors, "noor") as client:
        answer = await act(client, "5012352", decide(), "noor-key-8")
    assert (answer.status_code, answer.json()["code"]) == (409, "ended")
