"""The company a visitor finds at work: a dozen deals in different places, moved there through the public doors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

from cli.local.progress import Reporter
from cli.playing.company import BY_ID, DELIVERY, OWNER
from cli.playing.doors import Patience, Person
from cli.playing.once import open_stage
from cli.playing.program import Scene, program
from cli.playing.script import Cast, key
from cli.playing.seed import history_is_played, remember_history

_SECONDS = 180.0
_VISITOR = BY_ID["noor"]
"""Whom the console asks you to be first; one request is left for this person."""


def move_in(url: str, pages: Mapping[str, str], env: Mapping[str, str], report: Reporter) -> None:
    """Hire the company and, the first time, let its people bring a dozen deals to where a visitor finds them."""
    cast = open_stage(url, pages, env, _SECONDS)
    try:
        if not history_is_played(env):
            with report.step("The company goes to work (a dozen deals, only this once)") as step:
                _play(cast, lambda done, total: step(f"{done} of {total} deals in place", done, total))
            remember_history(env)
    finally:
        cast.close()


def doors_to_open(url: str, pages: Mapping[str, str], temporal: str | None) -> Iterator[str]:
    """Yield what the console says: three pages, each with whom to be there, and where the rest is."""
    approver, owner, delivery = (Person(url, who.id, Patience(30)) for who in (_VISITOR, OWNER, DELIVERY))
    asked = next(iter(approver.inbox()), None)
    plan = next(iter(delivery.read("/api/onboardings")), None)
    deals = owner.read("/api/deals", limit="1")["deals"]
    deal = asked["deal_id"] if asked else deals[0]["id"] if deals else ""
    first = f"/requests/{asked['id'].removeprefix('deal/').replace('|', '/')}" if asked else "/inbox"
    then = f"/deals/{deal.removeprefix('deal/')}" if deal else "/deals"
    last = f"/{plan['id']}" if plan else "/onboarding"
    yield ""
    yield "Three pages to open, each as the person named (a private window each, or sign out in between):"
    for who, role, page, what in (
        (_VISITOR, "approver", first, f"answer: {asked['title']}, {asked['account']}" if asked else "the inbox"),
        (OWNER, "deal owner", then, "the same deal; watch it move when the approver answers"),
        (DELIVERY, "delivery manager", last, f"the onboarding of {plan['account']}" if plan else "the board"),
    ):
        yield f"  {role}, {who.name}: {what}"
        yield f"    {url}/sign-in?next={quote(page, safe='/:')}"
    yield ""
    yield "What arrived outside: " + ", ".join(f"{vendor} {address}" for vendor, address in pages.items())
    if temporal:
        yield f"Temporal's own pages: {temporal}"
    yield "Ctrl-C stops everything; the next start continues"
    for each in (approver, owner, delivery):
        each.close()


def _play(cast: Cast, tell: Callable[[int, int], None]) -> None:
    scenes = program()
    known = {d["properties"]["dealname"]: d["id"] for d in cast.vendors.held("HubSpot", "deals")}
    for scene in scenes:
        # A start that was killed half-way entered some of them already.
        title = scene.part.sale.title
        scene.part.deal = known.get(title) or cast.vendors.enter(scene.part.sale)
    left = list(scenes)

    def further() -> bool:
        cast.answer({scene.part.id: scene.part for scene in left}, BY_ID, once_told=False)
        left[:] = [scene for scene in left if not _further(cast, scene)]
        tell(len(scenes) - len(left), len(scenes))
        return not left

    cast.patience.until("every deal is where it belongs", further)


def _further(cast: Cast, scene: Scene) -> bool:
    """Let the owner, the customer and the delivery manager do their part; True once the deal is where it belongs."""
    part = scene.part
    deal = cast.person(OWNER.id).read(f"/api/deals/hubspot/{part.deal}")
    if deal is None:
        return False
    if scene.owner_acts is not None and deal["status"] == "running" and deal["stage"] == "review":
        act, thing = scene.owner_acts, f"deals/hubspot/{part.deal}"
        cast.attempt(lambda: cast.person(OWNER.id).act(thing, key(part.id, act["do"]), **act))
    if part.signs and any(wait["kind"] == "signature" for wait in deal["waits"]):
        cast.sign(part)
    if part.tasks_done and deal["status"] == "won":
        return cast.begin_delivery(part, part.tasks_done)
    return scene.is_in_place(deal)
