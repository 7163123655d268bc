"""The campaigns: random deals by the ten thousand in virtual time. Prints figures; `--seed N` flies one again."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from tests.simulation.approvals import Desk
from tests.simulation.plans import compare
from tests.simulation.sky import Sky

FLIGHTS, PLANS, APPROVALS, WAITS = 20_000, 20_000, 20_000, 100_000
_CHUNK = 50


class Seen(NamedTuple):
    """What some seeds came to."""

    runs: int
    waits: int
    compared: int
    endings: Counter
    broken: list[tuple[int, str]]

    def __add__(self, other):
        return Seen(
            self.runs + other.runs, self.waits + other.waits, self.compared + other.compared,
            self.endings + other.endings, self.broken + other.broken,
        )  # fmt: skip


NOTHING = Seen(0, 0, 0, Counter(), [])


def flights(seeds: Iterable[int]) -> Seen:
    """Fly deals through chaos: none is wedged, nothing is lost or done twice, every wait is explained."""
    logging.disable(logging.CRITICAL)  # a wedged deal is reported once, by its seed
    found = NOTHING
    for seed in seeds:
        sky = None
        try:
            sky = Sky(seed, exact=seed % 10 == 0)
            sky.fly()
            told = Seen(1, len(sky.waits), 0, Counter([str(sky.state.ending)]), [])
        except Exception as wrong:  # noqa: BLE001 (whatever goes wrong is what is looked for)
            told = Seen(1, 0, 0, Counter(), [(seed, f"{type(wrong).__name__}: {wrong}"[:400])])
            if sky is not None:
                sky.time.close()
        found += told
    return found


def plans(seeds: Iterable[int]) -> Seen:
    """Compare plans with what happens when everybody says yes."""
    found = NOTHING
    for seed in seeds:
        try:
            found += Seen(1, 0, int(compare(seed)), Counter(), [])
        except Exception as wrong:  # noqa: BLE001
            found += Seen(1, 0, 0, Counter(), [(seed, f"{type(wrong).__name__}: {wrong}"[:400])])
    return found


def approvals(seeds: Iterable[int]) -> Seen:
    """Let policies, people, absences, edits and answers meet: a judge of its own watches what approvals promise."""
    found = NOTHING
    for seed in seeds:
        try:
            desk = Desk(seed)
            desk.fly()
            found += Seen(1, desk.taken, desk.judge.checked, Counter([str(desk.state.ending)]), [])
        except Exception as wrong:  # noqa: BLE001
            found += Seen(1, 0, 0, Counter(), [(seed, f"{type(wrong).__name__}: {wrong}"[:400])])
    return found


CAMPAIGNS: dict[str, tuple[Callable[[Iterable[int]], Seen], int]] = {
    "flights": (flights, FLIGHTS),
    "plans": (plans, PLANS),
    "approvals": (approvals, APPROVALS),
}


def campaign(name: str, first: int, count: int, *, processes: int = 0, tell: Callable[[Seen], None] = lambda _: None):
    """Run `count` seeds from `first` on and return what they came to."""
    work, _ = CAMPAIGNS[name]
    chunks = [range(a, min(a + _CHUNK, first + count)) for a in range(first, first + count, _CHUNK)]
    found = NOTHING
    for part in _mapped(work, chunks, processes):
        found += part
        tell(found)
    return found


def _mapped(work, chunks, processes: int) -> Iterator[Seen]:
    if processes <= 1:
        yield from map(work, chunks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(work, chunks)


def main() -> int:
    """Run the campaigns in full, or one seed of one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(CAMPAIGNS), help="only this campaign")
    parser.add_argument("--seed", type=int, help="fly this seed alone and print its journal")
    parser.add_argument("--first", type=int, help="the first seed; a fresh one when not given")
    parser.add_argument("--count", type=int, help="how many seeds")
    given = parser.parse_args()
    if given.seed is not None:
        return alone(given.name or "flights", given.seed)
    first = secrets.randbelow(10**9) if given.first is None else given.first
    return max([run(name, first, given.count) for name in ([given.name] if given.name else CAMPAIGNS)], default=0)


def run(name: str, first: int, count: int | None) -> int:
    """Run one campaign, printing as it goes; return 1 when a seed broke something."""
    count = count or CAMPAIGNS[name][1]
    began, told_of = time.monotonic(), 0

    def tell(found: Seen) -> None:
        nonlocal told_of
        for seed, why in found.broken[told_of:20]:
            print(f"  {why}\n    again: python -m tests.simulation {name} --seed {seed}", flush=True)
        told_of = len(found.broken)
        if found.runs % 1000 == 0:
            rate = found.runs / (time.monotonic() - began)
            print(f"  {found.runs} of {count}, {rate:.0f} a second, {len(found.broken)} broken", flush=True)

    print(f"{name}: {count} seeds from {first}", flush=True)
    found = campaign(name, first, count, processes=os.cpu_count() or 1, tell=tell)
    told = {
        "flights": f"{found.waits} waits explained",
        "plans": f"{found.compared} compared",
        "approvals": f"{found.waits} acts taken, {found.compared} states of requests judged",
    }[name]
    print(f"{name}: {found.runs} runs, {told}, {len(found.broken)} broken, {time.monotonic() - began:.0f} s")
    if found.endings:
        print("  " + ", ".join(f"{n} {ending}" for ending, n in found.endings.most_common(8)))
    short = name == "flights" and count >= FLIGHTS and found.waits < WAITS
    if short:
        print(f"  fewer than {WAITS} waits were seen")
    return int(bool(found.broken) or short)


def alone(name: str, seed: int) -> int:
    """Fly one seed and print what happened."""
    if name == "plans":
        compare(seed)
        print(f"seed {seed} holds")
        return 0
    sky = Desk(seed) if name == "approvals" else Sky(seed, exact=seed % 10 == 0)
    try:
        sky.fly()
    except Exception:  # noqa: BLE001
        print(sky.told())
        traceback.print_exc()
        return 1
    print(sky.told())
    print(f"seed {seed} holds: {sky.state.ending}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
