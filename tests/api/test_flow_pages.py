"""The pages of flows: what they say of live deals, what a plan shows, and what is said beside a wrong fact."""

from __future__ import annotations

import re

from tests.api.browsing import sign_in


async def page(doors: str, address: str, status: int = 200, person: str = "iris") -> str:
    async with sign_in(doors, person) as browser:
        answer = await browser.get(address)
    assert answer.status_code == status, answer.text[:2000]
    return re.sub(r"\s+", " ", answer.text)


async def test_the_gallery_shows_every_flow_on_offer_with_its_shape_and_its_live_deals(doors: str) -> None:
    text = await page(doors, "/flows")
    for name in ("managed-services", "manufacturing", "saas", "construction", "financial-services"):
        assert f'href="/flows/{name}"' in text
    assert text.count('<title id="shape-') >= 5
    assert "deals under way" in text
    assert "not enough deals yet" in text


async def test_a_flows_page_counts_who_waits_at_each_step(doors: str) -> None:
    text = await page(doors, "/flows/managed-services")
    assert "Where the" in text
    finance = re.search(r'<th scope="row">Finance</th>.*?</tr>', text)
    assert finance is not None
    assert int(re.findall(r'class="num">(\d+)', finance[0])[0]) > 0
    assert '<svg viewBox="0 0' in text


async def test_the_plan_of_an_ordinary_deal_is_shown_before_anything_is_typed(doors: str) -> None:
    text = await page(doors, "/flows/managed-services")
    assert "If everybody says yes, the deal ends won" in text
    assert "Made up, since nothing says it" in text


async def test_a_plan_follows_the_facts_in_the_address(doors: str) -> None:
    known = "f.payment_days=30&f.data_class=internal&f.margin=40+%25&f.amount=50000+USD"
    small = await page(doors, f"/flows/managed-services?f.discount=5+%25&{known}")
    large = await page(doors, f"/flows/managed-services?f.discount=20+%25&{known}")
    assert 'value="20 %"' in large
    assert "discount 5 % is not &gt; 15 %" in small
    assert "discount 20 % &gt; 15 %" in large
    assert "Joel Marsh (deal desk)" in large


async def test_a_wrong_fact_has_its_message_beside_the_field_and_keeps_what_was_typed(doors: str) -> None:
    text = await page(doors, "/flows/managed-services?f.discount=a+lot&f.payment_days=30")
    assert 'value="a lot"' in text
    field = re.search(r'name="f.discount".*?</div>', text)
    assert field is not None
    assert 'aria-invalid="true"' in field[0]
    assert 'class="wrong"' in field[0]


async def test_a_plan_tells_apart_who_is_called_in_for_a_party(doors: str) -> None:
    known = "f.payment_days=30&f.data_class=internal&f.discount=5+%25&f.margin=19+%25&f.amount=50000+USD"
    text = await page(doors, f"/flows/managed-services?{known}", person="noor")  # a deal of her own
    assert "Noor Halvorsen (finance), and at once Daniel Reyes, since too few of finance may answer" in text


async def test_a_plan_may_start_from_a_deals_own_facts(doors: str) -> None:
    text = await page(doors, "/flows/managed-services?deal=deal/hubspot/5012345")
    assert re.search(r'name="f.discount"[^>]*value="18 %"', text)
    assert '<option value="deal/hubspot/5012345" selected>' in text


async def test_two_chosen_versions_are_compared_in_words_and_as_a_picture(doors: str) -> None:
    text = await page(doors, f"/flows/managed-services?old={'d' * 12}&new={'e' * 12}")
    assert "What version 2 changes" in text
    assert "Security now has 3 business days instead of 5." in text
    assert "Legal is no longer asked." in text
    assert 'class="f-dot del"' in text
    assert 'class="f-dot chg"' in text
    assert re.search(r'<option value="d{12}" selected>', text)


async def test_versions_say_which_is_on_offer_and_how_many_deals_run_on_each(doors: str) -> None:
    text = await page(doors, "/flows/managed-services")
    rows = re.findall(
        r'<tr><th scope="row">(\d+)<small class="mono">(\w+)</small></th><td data-th="State">([\w ]+)<', text
    )
    assert [(number, state) for number, _, state in rows] == [("1", "on offer"), ("2", "was used"), ("1", "in use")]


async def test_a_deal_that_was_sent_back_shows_the_way_it_took(doors: str) -> None:
    text = await page(doors, "/deals/hubspot/5012345")
    assert "f-back took" in text
    assert "sent back: finance rejected: margin too thin" in text


async def test_a_flow_nobody_knows_is_not_found(doors: str) -> None:
    text = await page(doors, "/flows/nothing", 404)
    assert "There is no flow nothing" in text


async def test_strange_addresses_do_no_harm(doors: str) -> None:
    for query in ("f.=x", "f.nothing=1", "old=zz&new=%00", "deal=deal/hubspot/none", "f.discount=%F0%9F%92%A9"):
        text = await page(doors, f"/flows/managed-services?{query}")
        assert "Plan: what it would do" in text
