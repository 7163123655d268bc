"""Links sent by mail, many answers at once, and files: through real HTTP, with whatever scanners and strangers do."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from sqlmodel import col

from api.auth import hashed
from connectors.database import Database
from models.tables.doors import DoorLink
from models.tables.journal import JournalRow
from models.tables.people import Person
from models.tables.requests import Request
from tests.api.browsing import form_token, post, sign_in
from tests.api.company import FORM, NOW, Company, company, deal, load, request
from tests.api.conftest import as_token

FINANCE = "approval:finance"
MANY = [f"60000{i}" for i in range(10)]
LINKS = {name: f"token-{name}-0123456789abcdef" for name in ("noor", "again", "old", "late", "closed", "hiro", "asks")}
LIMITS = [
    {
        "label": "margin", "value": "24.6 %", "was": "22.7 %", "bound": "28 %", "outside": True, "above": False,
        "by": "3.4 points under", "free": "free from 28 %", "at": 38.4, "edge": 52.0, "before": 30.8,
    }
]  # fmt: skip


def extended() -> Company:
    """The company, with ten more deals that ask finance, links by mail, and answers of the past."""
    made = company()
    for number in MANY:
        one = deal(number, f"Client {number}", "300000")
        made.deals.append(one)
        asked = [{"person": "noor", "party": "role:finance", "words": "finance", "role": "finance"}]
        made.requests.append(request(one, FINANCE, "Finance review", ["noor"], body={"asked": asked, "limits": LIMITS}))
    for number, amount, outcome in (("700001", "350000", "approved"), ("700002", "290000", "rejected")):
        past = deal(number, f"Past {number}", amount, status="won", ended_at=NOW)
        made.deals.append(past)
        answered = {"state": "closed", "outcome": outcome, "answered_by": "noor", "closed_at": NOW - timedelta(days=9)}
        facts = {"facts": [{"label": "margin", "value": "25.1 %"}]}
        made.requests.append(
            request(past, FINANCE, "Finance review", [], opened_at=NOW - timedelta(days=10), body=facts, **answered)
        )
    asks_more = next(r for r in made.requests if r.deal_id.endswith(MANY[5]))
    asks_more.body = {**asks_more.body, "form": FORM}
    lost = next(r for r in made.requests if r.deal_id.endswith(MANY[9]))
    lost.body = {"asked": [{"person": "noor", "party": "role:cfo", "words": "cfo", "role": "cfo"}]}
    made.rest.append(
        Person(id="gone", name="Greta Gone", email="greta@halden.example", roles=["finance"], active=False)
    )
    made.rest += [
        _link("noor", MANY[0]),
        _link("again", MANY[1]),
        _link("old", MANY[2], round=0),
        _link("late", MANY[3], expires_at=NOW - timedelta(hours=1)),
        _link("asks", MANY[4]),
        _link("closed", "5012352"),
        _link("hiro", "5012345", step="approval:security", person="hiro"),
    ]
    return made


def _link(name: str, number: str, **more: Any) -> DoorLink:
    known = {"step": FINANCE, "round": 1, "person": "noor", **more}
    request_id = f"deal/hubspot/{number}|{known['step']}|{known['round']}"
    return DoorLink(token_hash=hashed(LINKS[name]), deal_id=f"deal/hubspot/{number}", request_id=request_id, **known)


@pytest.fixture(scope="module")
async def rows(database: Database) -> Company:
    await load(database, extended())
    return extended()


async def answers(database: Database, number: str) -> list[tuple[str, str, str]]:
    """Return who did what on a deal through which channel, refusals with their code."""
    deal_id = f"deal/hubspot/{number}"
    async with database.read() as session:
        wanted = select(JournalRow).where(col(JournalRow.deal_id) == deal_id).order_by(col(JournalRow.position))
        found = list(await session.scalars(wanted))
    return [(row.who, row.kind, str(row.body.get("channel") or row.body.get("code") or "")) for row in found]


async def spent(database: Database, name: str) -> bool:
    async with database.read() as session:
        row = await session.get(DoorLink, hashed(LINKS[name]))
    assert row is not None
    return row.used_at is not None


def door(name: str) -> str:
    return f"/a/{LINKS[name]}"


# ---- links


async def test_a_storm_of_scanners_that_open_and_even_post_decides_nothing(doors: str, database: Database) -> None:
    async def scan(verb: str) -> int:
        async with httpx2.AsyncClient(base_url=doors, timeout=60) as scanner:
            page = await scanner.get(door("noor"))
            if verb == "open":
                return page.status_code
            blind = await scanner.post(door("noor"), data={"act": "approve", "edition": "1"})
            token = form_token(page.text) if 'name="form_token"' in page.text else "none"
            reading = {"act": "approve", "edition": "1", "form_token": token}
            seen = await scanner.post(door("noor"), data=reading)
            assert blind.status_code == 403
            return seen.status_code

    codes = await asyncio.gather(*(scan("open" if i % 2 else "post") for i in range(24)))
    assert set(codes) <= {401, 403}
    assert await answers(database, MANY[0]) == []
    assert not await spent(database, "noor")


async def test_without_a_session_the_page_says_for_whom_and_leads_to_sign_in_but_tells_nothing_of_the_deal(
    doors: str, anyone: httpx2.AsyncClient
) -> None:
    page = await anyone.get(door("noor"))
    assert page.status_code == 401
    assert "Sign in as Noor Halvorsen" in page.text
    assert f"/sign-in?next={door('noor')}" in page.text
    assert f"Client {MANY[0]}" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("token", ["forged", "x" * 64, LINKS["noor"] + "0", LINKS["noor"][:-1], hashed(LINKS["noor"])])
async def test_a_forged_token_or_the_stored_hash_itself_opens_nothing(doors: str, token: str) -> None:
    async with sign_in(doors, "noor") as noor:
        page = await noor.get(f"/a/{token}")
        sent = await post(noor, "/inbox", f"/a/{token}", act="approve", edition="1")
    assert (page.status_code, sent.status_code) == (404, 404)
    assert "This link is not known" in page.text


async def test_somebody_elses_link_is_refused_with_a_page_and_the_attempt_is_journalled(
    doors: str, database: Database
) -> None:
    async with sign_in(doors, "hiro") as hiro:
        page = await hiro.get(door("noor"))
        sent = await post(hiro, "/inbox", door("noor"), act="approve", edition="1")
    assert page.status_code == sent.status_code == 403
    assert "This link is for somebody else" in page.text
    assert f"Client {MANY[0]}" not in page.text
    assert await answers(database, MANY[0]) == [("hiro", "refused", "foreign_link")]


async def test_a_link_of_one_step_cannot_answer_another(doors: str, database: Database) -> None:
    async with sign_in(doors, "hiro") as hiro:
        await post(hiro, door("hiro"), act="approve", edition="1", step=FINANCE, round="1", request=FINANCE)
    async with database.read() as session:
        finance = await session.get(Request, f"deal/hubspot/5012345|{FINANCE}|1")
        security = await session.get(Request, "deal/hubspot/5012345|approval:security|1")
    assert finance is not None
    assert finance.state == "open"
    assert security is not None
    assert (security.state, security.answered_by) == ("closed", "hiro")


async def test_a_link_of_an_earlier_round_an_expired_one_and_one_of_a_closed_request_explain_themselves(
    doors: str, database: Database
) -> None:
    async with sign_in(doors, "noor") as noor:
        old, late, closed = [await noor.get(door(name)) for name in ("old", "late", "closed")]
        sent = [await post(noor, "/inbox", door(name), act="approve", edition="1") for name in ("old", "late")]
    assert (old.status_code, late.status_code, closed.status_code) == (410, 410, 200)
    assert "Open what is asked now" in old.text
    assert "This link has expired" in late.text
    assert "Approved" in closed.text
    assert [each.status_code for each in sent] == [410, 410]
    assert await answers(database, MANY[2]) == await answers(database, MANY[3]) == []


async def test_the_person_asks_first_and_then_approves_through_one_link_which_is_then_used_up(
    doors: str, database: Database
) -> None:
    async with sign_in(doors, "noor") as noor:
        page = await noor.get(door("asks"))
        assert page.status_code == 200
        assert f'action="{door("asks")}"' in page.text
        asked = await post(noor, door("asks"), act="ask_information", reason="Which sites?")
        assert asked.status_code == 303
        assert not await spent(database, "asks")
        approved = await post(noor, door("asks"), act="approve", edition="1")
        after = await noor.get(approved.headers["location"])
        replayed = await post(noor, "/inbox", door("asks"), act="reject", reason="no", edition="1")
    assert approved.status_code == 303
    assert "Your answer to Client" in after.text
    assert "nothing was changed" in replayed.text
    assert await spent(database, "asks")
    assert [each for each in await answers(database, MANY[4]) if each[1] == "decided"][-1] == (
        "noor",
        "decided",
        "mail",
    )
    assert len([each for each in await answers(database, MANY[4]) if each[2] == "mail"]) == 1


async def test_two_clicks_of_one_link_at_once_are_one_answer(doors: str, database: Database) -> None:
    async with sign_in(doors, "noor") as noor:
        token = form_token((await noor.get(door("again"))).text)
        clicks = [
            noor.post(door("again"), data={"form_token": token, "edition": "1", "act": act, "reason": "why"})
            for act in ("approve", "reject", "approve", "reject")
        ]
        codes = {answer.status_code for answer in await asyncio.gather(*clicks)}
    assert codes <= {200, 303}
    assert len([each for each in await answers(database, MANY[1]) if each[1] == "decided"]) == 1


async def test_a_decision_form_is_part_of_the_answer_and_what_was_filled_in_is_kept_when_it_is_refused(
    doors: str,
) -> None:
    page = f"/requests/hubspot/{MANY[5]}/{FINANCE}/1"
    async with sign_in(doors, "noor") as noor:
        opened = (await noor.get(page)).text
        fields = {"form_token": form_token(opened), "act": "reject", "edition": "1", "field.contact": "Amit Rao"}
        silent = await noor.post(page, data={**fields, "reason": " "})
    assert 'name="field.seats"' in opened
    assert "Approve with this" in opened
    assert silent.status_code == 422
    assert "Say why: the owner reads it." in silent.text
    assert 'value="Amit Rao"' in silent.text


# ---- many at once


def bulk(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"items": list(items), **more}


async def test_of_ten_answers_seven_are_given_three_explained_and_each_has_its_own_entry(
    doors: str, database: Database
) -> None:
    good = [{"request": f"deal/hubspot/{n}|{FINANCE}|1", "edition": 1} for n in (*MANY[2:4], *MANY[5:9])]
    reject = {"request": f"deal/hubspot/{MANY[0]}|{FINANCE}|1", "edition": 1, "verdict": "reject", "reason": "thin"}
    lost = {"request": f"deal/hubspot/{MANY[9]}|{FINANCE}|1", "edition": 1}
    foreign = {"request": "deal/hubspot/5012348|handoff:managed-services|1", "edition": 1}
    unknown = {"request": f"deal/hubspot/5012351|{FINANCE}|4", "edition": 1}
    async with as_token(doors, "noor") as noor:
        send = {"json": bulk(*good, reject, lost, foreign, unknown), "headers": {"Idempotency-Key": "bulk-of-noor"}}
        first = await noor.post("/api/requests/decide", **send)
        again = await noor.post("/api/requests/decide", **send)
    assert first.status_code == 200, first.text
    told = first.json()
    assert (told["done"], told["refused"]) == (7, 3)
    assert [each["code"] for each in told["results"]][-3:] == ["lost_role", "not_yours", "unknown_request"]
    assert all(each["message"] and each["next"] for each in told["results"][-3:])
    assert [each["outcome"] for each in told["results"]][6] == "reject"
    assert again.json() == told
    for number in (*MANY[2:4], *MANY[5:9], MANY[0]):
        assert [each[:2] for each in await answers(database, number)].count(("noor", "decided")) == 1
    assert ("noor", "refused", "lost_role") in await answers(database, MANY[9])
    assert ("noor", "refused", "not_yours") in await answers(database, "5012348")
    assert ("noor", "refused", "unknown_request") in await answers(database, "5012351")


async def test_a_rejection_among_many_needs_its_reason_and_a_task_is_opened_instead(doors: str) -> None:
    silent = {"request": f"deal/hubspot/5012346|{FINANCE}|1", "edition": 2, "verdict": "reject"}
    long = {**silent, "reason": "x" * 4001}
    task = {"request": "deal/hubspot/5012349|task:site-survey|1", "edition": 1}
    async with as_token(doors, "noor") as noor:
        answer = await noor.post(
            "/api/requests/decide", json=bulk(silent, long, task), headers={"Idempotency-Key": "bulk-two-of-noor"}
        )
    results = answer.json()["results"]
    assert [each["code"] for each in results] == ["reason_needed", "unreadable", "invalid"]
    assert "4000" in results[1]["message"]
    assert "open it" in results[2]["message"]


async def test_more_than_a_hundred_none_or_no_key_is_refused_as_a_whole(doors: str) -> None:
    one = {"request": f"deal/hubspot/5012346|{FINANCE}|1", "edition": 1}
    key = {"Idempotency-Key": "bulk-many-of-noor"}
    async with as_token(doors, "noor") as noor:
        codes = [
            (await noor.post("/api/requests/decide", json=bulk(*[one] * 101), headers=key)).status_code,
            (await noor.post("/api/requests/decide", json=bulk(), headers=key)).status_code,
            (await noor.post("/api/requests/decide", json=bulk(one))).status_code,
        ]
    assert codes == [422, 422, 422]


# ---- files, comments, people


async def test_a_file_goes_up_is_named_in_a_comment_and_comes_down_as_a_download(doors: str) -> None:
    data = b"%PDF-1.7 the site plan"
    acts, name = "/api/deals/hubspot/5012346/acts", hashlib.sha256(data).hexdigest()
    said = {"do": "comment", "step": FINANCE, "round": 1, "text": "See the plan."}
    async with as_token(doors, "hiro") as hiro:
        kept = await hiro.post("/api/attachments?name=plan.pdf", content=data)
        assert kept.status_code == 201, kept.text
        comment = await hiro.post(
            acts, json={**said, "attachments": [kept.json()]}, headers={"Idempotency-Key": "hiro-comment-1"}
        )
        down = await hiro.get(f"/deals/hubspot/5012346/attachments/{name}")
        elsewhere = await hiro.get(f"/deals/hubspot/5012345/attachments/{name}")
        never = await hiro.post(
            acts,
            json={**said, "attachments": [{**kept.json(), "sha256": "0" * 64}]},
            headers={"Idempotency-Key": "hiro-comment-2"},
        )
    assert comment.status_code == 200, comment.text
    assert down.content == data
    assert down.headers["content-disposition"] == "attachment; filename*=UTF-8''plan.pdf"
    assert "sandbox" in down.headers["content-security-policy"]
    assert elsewhere.status_code == 404
    assert (never.status_code, never.json()["code"], never.json()["field"]) == (422, "invalid", "attachments")


async def test_a_forbidden_file_is_refused_with_what_may_be_attached(doors: str) -> None:
    async with as_token(doors, "hiro") as hiro:
        answer = await hiro.post("/api/attachments?name=run.exe", content=b"MZ")
        large = await hiro.post("/api/attachments?name=big.pdf", content=b"%PDF-" + b"x" * 10_490_000)
    assert (answer.status_code, answer.json()["code"]) == (422, "forbidden_file")
    assert "DOCX" in answer.json()["detail"]
    assert large.status_code in {413, 422}


MERIDALE = f"/requests/hubspot/5012346/{FINANCE}/1"


async def test_on_the_page_a_forbidden_file_and_an_oversized_comment_are_told_beside_the_field_and_nothing_is_lost(
    doors: str,
) -> None:
    async with sign_in(doors, "noor") as noor:
        token = form_token((await noor.get(MERIDALE)).text)
        words = {"form_token": token, "act": "comment", "reason": "a comment to keep"}
        bad = await noor.post(MERIDALE, data=words, files={"files": ("run.exe", b"MZ")})
        torn = await noor.post(MERIDALE, data=words, files={"files": ("plan.pdf", b"no pdf")})
        long = await noor.post(MERIDALE, data={**words, "reason": "long " * 900})
        empty = await noor.post(MERIDALE, data={**words, "reason": " "})
    assert [page.status_code for page in (bad, torn, long, empty)] == [422, 422, 422, 422]
    assert "run.exe cannot be attached" in bad.text
    assert "a comment to keep" in bad.text
    assert "is not what its name says" in torn.text
    assert "At most 4,000 characters fit; this has 4,499" in long.text
    assert "long long" in long.text
    assert "Write something, or attach a file." in empty.text


async def test_on_the_page_a_comment_with_a_file_is_shown_with_a_link_to_it(doors: str) -> None:
    async with sign_in(doors, "noor") as noor:
        token = form_token((await noor.get(MERIDALE)).text)
        words = {"form_token": token, "act": "comment", "reason": "Prices of November", "key": "noor-comments"}
        sent = await noor.post(MERIDALE, data=words, files={"files": ("prices.csv", b"sku;price\nA;1\n")})
        assert sent.status_code == 303, sent.text[:3000]
        page = await noor.get(sent.headers["location"])
    assert "Prices of November" in page.text
    assert "prices.csv" in page.text
    assert "Recorded." in page.text


@pytest.mark.parametrize(
    ("act", "field", "said", "told"),
    [
        ("reassign", "to", "Nobody Atall", "Nobody here is called"),
        ("reassign", "to", "Greta Gone", "Greta Gone is no longer active"),
        ("reassign", "to", " ", "Name somebody."),
        ("add_approver", "person", "mars", "Nobody here is called"),
    ],
)
async def test_an_unknown_or_deactivated_person_is_told_beside_the_field(
    doors: str, act: str, field: str, said: str, told: str
) -> None:
    async with sign_in(doors, "iris") as iris:
        token = form_token((await iris.get(MERIDALE)).text)
        fields = {"form_token": token, "act": act, "reason": "away", "of": "noor", "place": "before", field: said}
        page = await iris.post(MERIDALE, data=fields)
    assert page.status_code == 422
    assert told in page.text
    assert 'aria-invalid="true"' in page.text


async def test_the_api_says_which_person_is_unknown_or_gone(doors: str) -> None:
    move = {"do": "reassign", "step": FINANCE, "round": 1, "of": "noor", "reason": "away"}
    async with as_token(doors, "iris") as iris:
        found = [
            await iris.post(
                "/api/deals/hubspot/5012346/acts", json={**move, "to": to}, headers={"Idempotency-Key": f"iris-{to}-1"}
            )
            for to in ("nobody", "gone")
        ]
    assert [(each.status_code, each.json()["field"]) for each in found] == [(422, "to"), (422, "to")]
    assert "no longer active" in found[1].json()["detail"]


async def test_only_an_administrator_may_override_and_only_operators_and_those_asked_may_reassign(doors: str) -> None:
    override = {"do": "override", "step": FINANCE, "round": 1, "edition": 2, "verdict": "approve", "reason": "late"}
    move = {"do": "reassign", "step": FINANCE, "round": 1, "of": "noor", "to": "daniel", "reason": "away"}
    async with as_token(doors, "noor") as noor, as_token(doors, "dana") as dana:
        first = await noor.post("/api/deals/hubspot/5012346/acts", json={**override, "key": "noor-override-1"})
        second = await dana.post("/api/deals/hubspot/5012346/acts", json={**move, "key": "dana-moves-it-1"})
    assert (first.status_code, first.json()["code"]) == (403, "not_allowed")
    assert (second.status_code, second.json()["code"]) == (403, "not_yours")


# ---- the page


async def test_the_page_carries_what_an_approver_weighs(doors: str) -> None:
    async with sign_in(doors, "noor") as noor:
        page = (await noor.get(f"/requests/hubspot/5012345/{FINANCE}/1")).text
        many = (await noor.get(f"/requests/hubspot/{MANY[9]}/{FINANCE}/1")).text
    for part in ("Why you are asked", "What follows", "Who has answered", "Since your last answer", "What was said"):
        assert part in page, part
    assert "Statement of work" in page  # a section of the document itself
    assert "Similar past deals" in page
    assert "2 asked in the last 12 months, about this amount; 1 approved" in page or "Similar past deals" in page
    assert "Past 700001" in page
    assert "25.1 %" in page
    assert "You hold the role cfo." in many
    assert "Hand over" in many


async def test_after_an_answer_the_next_request_opens_with_a_way_to_take_it_back(doors: str) -> None:
    async with sign_in(doors, "hiro") as hiro, sign_in(doors, "noor") as noor:
        sent = await post(noor, f"/requests/hubspot/5012345/{FINANCE}/1", act="approve", edition="1")
        assert sent.status_code == 303
        onward = await noor.get(sent.headers["location"])
        page = await noor.get(onward.headers["location"])
        theirs = await hiro.get(f"/requests/hubspot/5012345/{FINANCE}/1")
    assert "Your answer to Corvane Logistics" in page.text
    assert 'value="undo"' in page.text
    assert 'value="undo"' not in theirs.text
