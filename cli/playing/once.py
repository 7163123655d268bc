"""One whole deal, from a signed webhook to a running onboarding, played by scripted people through the public doors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cli.playing.company import BIG_SALE, BY_ID, OWNER
from cli.playing.doors import Patience, Refused, StoodStill
from cli.playing.outside import Held, Ours, ask, journal
from cli.playing.script import Cast, Part
from cli.playing.seed import seed
from cli.playing.vendors import Record, Vendors

SECONDS = 300.0
"""How long a deal may take, whatever is killed meanwhile; undisturbed it takes a few seconds."""
_TASKS = 1
Watch = Callable[[Record], None]


@dataclass
class Play:
    """A deal that is played, and what came of it."""

    cast: Cast
    part: Part
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    stopped: str = ""
    entries: tuple[Record, ...] = ()
    ours: Ours | None = None
    held: list[Held] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that is not as it must be."""
        found = [self.stopped] if self.stopped else []
        if self.ours is None:
            return [*found, "no onboarding runs"]
        found += [held.fault for held in self.held if held.fault]
        if self.ours.deal["status"] != "won":
            found.append(f"the deal is {self.ours.deal['status']}, not won")
        return found


def open_stage(url: str, pages: Mapping[str, str], env: Mapping[str, str], seconds: float = SECONDS) -> Cast:
    """Wait until the doors open, hire the company, and return its people."""
    patience = Patience(seconds)
    vendors = Vendors(pages, patience)
    patience.until("the people can be hired", lambda: _seeded(env, vendors))
    return Cast(url, vendors, patience)


def play(cast: Cast, watch: Watch = lambda _: None) -> Play:
    """Enter the big deal in the CRM and play everybody until its onboarding runs; `watch` sees every journal entry."""
    part = Part(BIG_SALE)
    played = Play(cast, part)
    part.deal = cast.vendors.enter(part.sale)
    try:
        cast.patience.until("the deal moves to a running onboarding", lambda: _moved(played, watch))
        cast.patience.until("the outside systems hold everything", lambda: _complete(played, watch))
    except (StoodStill, Refused) as wrong:
        played.stopped = str(wrong)
    played.seconds = time.monotonic() - played.began
    return played


def _moved(played: Play, watch: Watch) -> bool:
    """Let everybody do what they can do now; True once delivery has begun."""
    cast, part = played.cast, played.part
    _look(played, watch)
    deal = cast.person(OWNER.id).read(f"/api/deals/hubspot/{part.deal}")
    if deal is None:
        return False
    cast.clear_doubts(part)
    cast.answer({part.id: part}, [each for each in deal["waiting_on"] if each in BY_ID], once_told=True)
    if any(wait["kind"] == "signature" for wait in deal["waits"]):
        cast.sign(part)
    return bool(deal["status"] == "won" and cast.begin_delivery(part, _TASKS))


def _complete(played: Play, watch: Watch) -> bool:
    """Ask everybody outside what they hold; True once nothing is under way and nothing is wrong."""
    _look(played, watch)
    played.cast.clear_doubts(played.part)
    played.ours = Ours.read(played.cast, played.part)
    if played.ours is None:
        return False
    under_way = [effect for effect in played.ours.effects if effect["state"] == "intended"]
    played.held = ask(played.cast, played.part, played.ours)
    return not under_way and not played.faults


def _look(played: Play, watch: Watch) -> None:
    known = len(played.entries)
    played.entries = journal(played.cast, played.part)
    for entry in played.entries[known:]:
        watch(entry)


def _seeded(env: Mapping[str, str], vendors: Vendors) -> bool:
    import psycopg

    try:
        seed(env, vendors)
    except psycopg.OperationalError:
        return False
    return True
