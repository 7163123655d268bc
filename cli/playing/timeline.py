"""Prints what happened to a deal that was played: the timeline, where it waited and for whom, what is outside now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.table import Table

from cli.playing.company import BY_ID
from cli.playing.once import Play
from cli.playing.vendors import Record

_WIDE = 200


def show(played: Play) -> None:
    """Print everything about one played deal."""
    # Where nobody looks, nothing is folded: a log keeps whole addresses.
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else _WIDE
    if played.entries:
        console.print(_timeline(played))
    console.print(_waits(played))
    if played.held:
        console.print(_outside(played))
    repeats = played.cast.patience.repeats
    again = f"; {repeats} requests were repeated while something was being restarted" if repeats else ""
    console.print(f"{played.part.sale.title}: from the CRM to a running onboarding in {played.seconds:.1f} s{again}.")


def _timeline(played: Play) -> Table:
    table = _table(f"What happened to {played.part.id}", ("at", "right"), ("who", "left"), ("what", "left"))
    first = _at(played.entries[0])
    for at, who, text in (*((_at(e), e["who"], e["text"]) for e in played.entries), *_delivery(played)):
        table.add_row(f"+{(at - first).total_seconds():.1f} s", _name(who), text)
    return table


def _delivery(played: Play) -> Iterator[tuple[datetime, str, str]]:
    """Yield what was done of the plan after the handoff."""
    for task in played.ours.plan["tasks"] if played.ours else ():
        if task["done_at"]:
            yield datetime.fromisoformat(task["done_at"]), task["owner"], f"onboarding: {task['name']} done"


def _waits(played: Play) -> Table:
    table = _table(
        "Where it waited", ("request", "left"), ("for", "left"), ("answered by", "left"), ("waited", "right")
    )
    for title, asked, by, seconds in _waited(played):
        table.add_row(title, asked, by, "still open" if seconds is None else f"{seconds:.1f} s")
    return table


def _waited(played: Play) -> Iterator[tuple[str, str, str, float | None]]:
    """Yield every request with who was asked, who answered, and how long that took."""
    for entry in played.entries:
        if entry["kind"] != "opened":
            continue
        answers = [e for e in played.entries if e["kind"] in ("decided", "signed") and e["step"] == entry["step"]
                   and e["round"] == entry["round"]]  # fmt: skip
        request = f"{played.part.id}|{entry['step']}|{entry['round']}"
        asked = played.cast.asked.get(request)
        people = asked.people if asked else (played.part.sale.customer.mail,)
        seconds = (_at(answers[-1]) - _at(entry)).total_seconds() if answers else None
        title = asked.title if asked else str(entry["step"]).replace(":", " of ")
        yield title, ", ".join(map(_name, people)), ", ".join(_name(a["who"]) for a in answers), seconds


def _outside(played: Play) -> Table:
    table = _table("What is there now, asked of each system itself", ("", "left"), ("system", "left"),
                   ("holds", "left"), ("count", "right"), ("where", "left"))  # fmt: skip
    for held in played.held:
        mark = "[red]✗[/]" if held.fault else "[green]✓[/]"
        count = str(held.found) if held.found == held.wanted else f"{held.found} of {held.wanted}"
        table.add_row(mark, held.system, held.thing, count, held.url)
    return table


def _table(title: str, *columns: tuple[str, str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name, justify in columns:
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    return table


def _at(entry: Record) -> datetime:
    return datetime.fromisoformat(entry["at"])


def _name(who: str) -> str:
    return BY_ID[who].name if who in BY_ID else who
