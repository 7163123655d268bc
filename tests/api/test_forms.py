"""Answering on pages: one act per click, late clicks see the outcome, mistakes stand beside fields, forgeries fail."""

from __future__ import annotations

import pytest

from tests.api.browsing import form_token, post, sign_in
from tests.api.company import SIGN_TOKEN
from tests.api.conftest import as_token

FINANCE = "/requests/hubspot/5012345/approval:finance/1"
STALE = "/requests/hubspot/5012346/approval:finance/1"
TASK = "/requests/hubspot/5012349/task:site-survey/1"
INCIDENT = "/requests/hubspot/5012347/call:create_sales_order/1"
HANDOFF = "/requests/hubspot/5012348/handoff:managed-services/1"


async def test_a_rejection_without_a_reason_is_told_beside_the_field(doors: str) -> None:
    async with sign_in(doors, "noor") as browser:
        answer = await post(browser, FINANCE, act="reject", edition="1", reason=" ", key="r1")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "Say why: the owner reads it." in answer.text
    assert '<details name="answer" open>' in answer.text


async def test_a_stale_page_shows_what_changed_and_asks_again(doors: str) -> None:
    async with sign_in(doors, "noor") as browser:
        answer = await post(browser, STALE, act="approve", edition="1", key="s1")
    assert answer.status_code == 409
    assert "The content changed while you were reading" in answer.text
    assert "26 %" in answer.text
    assert "21.4 %" in answer.text
    assert "Approve" in answer.text


async def test_a_wrong_person_sees_the_request_but_no_answer_bar(doors: str) -> None:
    async with sign_in(doors, "joel") as browser:
        page = await browser.get(FINANCE)
        answer = await browser.post(
            FINANCE, data={"form_token": form_token(page.text), "act": "approve", "edition": "1", "key": "w1"}
        )
    assert "Your answer" not in page.text
    assert "Noor Halvorsen" in page.text
    assert answer.status_code == 403
    assert "This is not yours to answer" in answer.text


async def test_an_answer_leads_on_to_what_is_next_which_says_so_and_a_late_click_sees_the_outcome(doors: str) -> None:
    async with sign_in(doors, "noor") as browser:
        answer = await post(browser, FINANCE, act="approve", edition="1", key="a1")
        assert answer.status_code == 303
        inbox = await browser.get(answer.headers["location"], follow_redirects=True)
        late = await post(browser, FINANCE.replace("5012345", "5012345"), act="approve", edition="1", key="a2")
        twice = await browser.get(FINANCE)
    assert "Your answer to Corvane Logistics" in inbox.text
    assert late.status_code == 200
    assert "This was already answered" in late.text
    assert "by Noor Halvorsen" in late.text
    assert "This is closed: approve" in twice.text


async def test_a_task_takes_its_typed_form(doors: str) -> None:
    async with sign_in(doors, "dana") as browser:
        page = await browser.get(TASK)
        answer = await post(
            browser, TASK, **{"act": "complete", "field.seats": "95", "field.contact": "Amit", "key": "t1"}
        )
    assert "Site contact" in page.text
    assert 'type="number"' in page.text
    assert answer.status_code == 303


async def test_an_incident_is_freed_with_the_acts_it_offers(doors: str) -> None:
    async with sign_in(doors, "iris") as browser:
        empty = await post(browser, INCIDENT, act="skip", reason="", key="i1")
        answer = await post(browser, INCIDENT, act="retry", key="i2")
    assert empty.status_code == 422
    assert "Say why the step may be passed." in empty.text
    assert answer.status_code == 303


async def test_a_handoff_is_accepted_with_conditions_only_when_there_are_any(doors: str) -> None:
    async with sign_in(doors, "marco") as browser:
        none = await post(browser, HANDOFF, act="accept_with_conditions", edition="1", conditions="\n ", key="h1")
        some = await post(
            browser, HANDOFF, act="accept_with_conditions", edition="1", conditions="Name a contact", key="h2"
        )
    assert none.status_code == 422
    assert "Name at least one condition" in none.text
    assert some.status_code == 303


async def test_a_hold_needs_a_reason_and_shows_on_the_deal(doors: str) -> None:
    deal = "/deals/hubspot/5012350"
    async with sign_in(doors, "dana") as browser:
        empty = await post(browser, deal, f"{deal}/acts", act="hold", reason="", key="d1")
        held = await post(browser, deal, f"{deal}/acts", act="hold", reason="Waiting for the lease", key="d2")
        shown = await browser.get(deal)
    assert empty.status_code == 422
    assert "Say why the deal stands still." in empty.text
    assert held.status_code == 303
    assert "On hold" in shown.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_a_form_of_another_site_is_refused(doors: str, headers: dict[str, str]) -> None:
    async with sign_in(doors, "noor") as browser:
        page = await browser.get(FINANCE)
        fields = {"form_token": form_token((await browser.get("/inbox")).text), "act": "approve", "edition": "1"}
        answer = await browser.post(FINANCE, data=fields, headers=headers)
    assert page.status_code == 200
    assert answer.status_code == 403
    assert "did not come from this site" in answer.text


async def test_a_form_without_or_with_another_visits_token_is_refused(doors: str) -> None:
    async with sign_in(doors, "noor") as browser, sign_in(doors, "joel") as other:
        theirs = form_token((await other.get("/inbox")).text)
        missing = await browser.post(FINANCE, data={"act": "approve", "edition": "1"})
        stolen = await browser.post(FINANCE, data={"act": "approve", "edition": "1", "form_token": theirs})
        json = await browser.post(FINANCE, json={"act": "approve"})
    assert [missing.status_code, stolen.status_code, json.status_code] == [403, 403, 415]


async def test_a_session_cookie_cannot_be_made_up_or_changed(doors: str) -> None:
    async with sign_in(doors, "noor") as browser:
        cookie = browser.cookies["throughline"]
        body, _, signature = cookie.partition(".")
        for forged in (f"{body}x.{signature}", f"{body}.{signature[::-1]}", "e30.x", "."):
            browser.cookies.clear()
            answer = await browser.get("/api/inbox", headers={"Cookie": f"throughline={forged}"})
            assert answer.status_code == 401


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(doors: str) -> None:
    async with sign_in(doors, "noor") as browser:
        page = await browser.get("/sign-in")
        answer = await browser.post("/sign-in", data={"person": "joel", "form_token": form_token(page.text)})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "domain" not in cookie


async def test_signing_in_leads_only_to_our_own_pages(doors: str) -> None:
    async with sign_in(doors, "noor") as browser:
        for away in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
            answer = await post(browser, "/sign-in", person="noor", next=away)
            assert answer.headers["location"] == "/"


async def test_opening_the_sign_link_signs_nothing_and_signing_works_once(doors: str) -> None:
    page = f"/sign/{SIGN_TOKEN}"
    async with sign_in(doors, "iris") as browser:
        for _ in range(5):
            assert "Sign" in (await browser.get(page)).text
        document = await browser.get(f"{page}/document")
        unsigned = await post(browser, page, act="sign", typed_name="", key="x")
        signed = await post(browser, page, act="sign", typed_name="Miles Garrity", agree="yes", key="y")
        again = await browser.post(page, data={"form_token": form_token(signed.text + unsigned.text), "act": "sign"})
    assert "Statement of work" in document.text
    assert "sandbox" in document.headers["content-security-policy"]
    assert unsigned.status_code == 422
    assert "Thank you, it is signed" in signed.text
    assert "This was already answered" in again.text
    async with as_token(doors, "iris") as client:
        entries = (await client.get("/api/deals/hubspot/5012345/journal?limit=200")).json()["entries"]
    assert sum("sign signature:sow" in entry["text"] for entry in entries) == 1


async def test_an_unknown_sign_link_says_so(doors: str) -> None:
    async with sign_in(doors, "iris") as browser:
        answer = await browser.get("/sign/not-a-link-anybody-was-sent")
    assert answer.status_code == 404
    assert "This link is not known" in answer.text


async def test_what_people_type_is_shown_as_text(doors: str) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    async with sign_in(doors, "hiro") as browser:
        page = "/requests/hubspot/5012345/approval:security/1"
        answer = await post(browser, page, act="reject", edition="1", reason="", key=nasty)
        listed = await browser.get("/deals", params={"text": nasty})
    assert "<script>alert" not in answer.text + listed.text
    assert "onerror=alert(1)>" not in listed.text
