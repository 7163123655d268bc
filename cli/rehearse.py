"""`throughline rehearse`: fly deals through months in seconds, with people and outages; save one as a test."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from models.values import Value
    from workflows.rehearsal.flight import Flight
    from workflows.rehearsal.story import Story
    from workflows.rehearsal.world import Setting

T = TypeVar("T")
_MOST_SEED = 2**63 - 1
app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True)
class Wanted:
    """What was asked for besides the rehearsal itself."""

    flow: str
    people: Path | None
    outages: Path | None
    svg: Path | None
    save_test: Path | None
    as_json: bool


@app.command()
def rehearse(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="A flow on offer, flow.py or flow.py::name.")],
    facts: Annotated[
        Path | None, typer.Option(help="A JSON file of the deal's facts, or a list of such; made up without it.")
    ] = None,
    deals: Annotated[int, typer.Option(help="How many deals; their facts vary unless --facts gives them.")] = 1,
    people: Annotated[
        Path | None, typer.Option(help="A TOML file of people, their hours, leave and habits; the demo's without it.")
    ] = None,
    outages: Annotated[Path | None, typer.Option(help="A TOML file of vendors' outages.")] = None,
    months: Annotated[
        float | None, typer.Option(help="How long one deal may take (12), or over how long many arrive (3).")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rehearsal; 0 or more.")] = 0,
    start: Annotated[
        str | None, typer.Option(help="When it begins, such as 2026-11-23T09:00; the coming Monday without it.")
    ] = None,
    save_test: Annotated[Path | None, typer.Option(help="Write a pytest that expects what happened here.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the plots as an SVG picture.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Rehearse a flow in virtual time: the real workflow code, people who answer in their hours, vendors that fail."""
    from cli.rehearsing import facts_in, setting_of
    from workflows.rehearsal.deals import MOST_DEALS

    if not 1 <= deals <= MOST_DEALS:
        raise typer.BadParameter(f"--deals is from 1 to {MOST_DEALS}, not {deals}; figures hardly change beyond 500")
    if save_test is not None and deals != 1:
        raise typer.BadParameter("--save-test is of one deal; leave out --deals")
    if not 0 <= seed <= _MOST_SEED:
        raise typer.BadParameter(f"--seed is a whole number from 0 to {_MOST_SEED}, not {seed}")
    _may_write(save_test, svg)
    setting = setting_of(
        flow, people=people, outages=outages, start=start, seed=seed,
        months=(12 if deals == 1 else 3) if months is None else months,
    )  # fmt: skip
    given = [] if facts is None else facts_in(setting.flow, facts)
    if len(given) > MOST_DEALS:
        raise typer.BadParameter(f"{facts} lists {len(given)} deals; {MOST_DEALS} are rehearsed at most")
    if save_test is not None and len(given) > 1:
        raise typer.BadParameter(f"--save-test is of one deal, and {facts} lists {len(given)}")
    _notes(setting, own=people is not None)
    wanted = Wanted(flow, people, outages, svg, save_test, as_json)
    if deals == 1 and len(given) <= 1:
        _one(setting, given[0] if given else None, wanted)
    else:
        _many(setting, deals if deals > 1 else len(given), given, wanted)


def _one(setting: Setting, given: dict[str, Value] | None, wanted: Wanted) -> None:
    from cli.rehearse_text import story_text
    from workflows.rehearsal.deals import ordinary
    from workflows.rehearsal.fly import fly
    from workflows.rehearsal.plots import deal_svg
    from workflows.rehearsal.world import MONTH

    facts = ordinary(setting.flow, setting.company, setting.start) if given is None else given
    with _progress("days", round(setting.months * MONTH)) as (done, at):

        def passed(now: datetime) -> None:
            at(now)
            done((now - setting.start).days)

        flight, told = _flown(lambda: fly(setting, facts, passed=passed))
    if wanted.as_json:
        typer.echo(json.dumps(_plain(told, flight), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(story_text(told, setting, flight.assumed, flight.refused)))
    if wanted.svg is not None:
        working = setting.expand(setting.calendar, flight.arrived, (flight.until - flight.arrived).days + 2)
        _write(wanted.svg, deal_svg(flight, setting.company, working))
    if wanted.save_test is not None:
        _save_test(setting, facts, told, wanted, wanted.save_test)


def _many(setting: Setting, number: int, given: Sequence[dict[str, Value]], wanted: Wanted) -> None:
    from cli.rehearse_text import figures_text
    from workflows.rehearsal.fly import fly_many
    from workflows.rehearsal.plots import season_svg

    with _progress("deals", number) as (landed, at):
        found = _flown(lambda: fly_many(setting, number, given, landed=landed, passed=at))
    if wanted.as_json:
        from pydantic import TypeAdapter

        from workflows.rehearsal.figures import Figures

        typer.echo(json.dumps(TypeAdapter(Figures).dump_python(found, mode="json"), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(figures_text(found, setting)))
    if wanted.svg is not None:
        _write(wanted.svg, season_svg(found))


def _save_test(setting: Setting, facts: dict[str, Value], told: Story, wanted: Wanted, file: Path) -> None:
    """Write a test; the files it needs are named as seen from it, so both can move together."""
    from models.given import written_down
    from workflows.rehearsal.saved_test import Recipe, test_text
    from workflows.rehearsal.story import plain

    def seen(name: Path | str | None) -> str | None:
        path, _, rest = str(name or "").partition("::")
        if not path.endswith((".py", ".toml", ".json")):
            return path or None
        near = os.path.relpath(Path(path).resolve(), file.resolve().parent)
        return f"{near}::{rest}" if rest else near

    recipe = Recipe(
        flow=seen(wanted.flow) or wanted.flow, facts=written_down(setting.flow, facts), start=setting.start,
        zone=setting.calendar.zone, country=setting.calendar.country, months=setting.months, seed=setting.seed,
        people=seen(wanted.people), outages=seen(wanted.outages),
    )  # fmt: skip
    _write(file, test_text(recipe, plain(told), f"{setting.flow.name} version {setting.flow.version}, {told.title}"))


def _may_write(save_test: Path | None, svg: Path | None) -> None:
    """Write over nothing but an earlier rehearsal: a slip of the hand must not cost somebody their flow."""
    if svg is not None and svg.suffix != ".svg":
        raise typer.BadParameter(f"--svg writes a picture, such as {svg.stem}.svg, not {svg.name}")
    if save_test is None:
        return
    if not (save_test.name.startswith("test_") and save_test.suffix == ".py"):
        raise typer.BadParameter(f"--save-test writes a test, such as test_{save_test.stem}.py, not {save_test.name}")
    if save_test.is_file() and "rehearsed(" not in save_test.read_text("utf-8", errors="replace"):
        raise typer.BadParameter(f"{save_test} holds a test of another kind; give the rehearsal a file of its own")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as wrong:
        raise typer.BadParameter(f"{file} cannot be written: {wrong.strerror}") from wrong
    typer.echo(f"{file} is written", err=True)


def _flown(go: Callable[[], T]) -> T:
    from workflows.rehearsal.world import CannotFly

    try:
        return go()
    except CannotFly as wrong:
        raise typer.BadParameter(str(wrong)) from wrong


def _notes(setting: Setting, *, own: bool) -> None:
    """Say beforehand what a reader might take for a fault: people made up or missing, outages without an end."""
    from models.people import Directory
    from workflows.rehearsal.outages import DATABASE
    from workflows.stand_ins import with_stand_ins

    if own:
        _, missing = with_stand_ins(setting.flow, Directory(setting.company.people))
        roles = dict.fromkeys(role for each in missing for role in each.roles)
        if roles:
            typer.echo(f"note: too few people have the role {', '.join(roles)}, which the flow asks", err=True)
    else:
        made_up = [each.name for each in setting.company.people if each.manager is None and len(each.roles) == 1]
        if made_up:
            typer.echo(f"note: too few of the demo's company have some roles; made up: {', '.join(made_up)}", err=True)
    for outage in setting.outages:
        if outage.lasting is None:
            # A deal goes on without its database, as far as it can; an action does not go on without its system.
            lost = outage.system.casefold() == DATABASE
            comes = "nothing is on record from then on" if lost else "what needs it becomes an incident"
            gone = f"{outage.system} goes down on {outage.since:%Y-%m-%d %H:%M} UTC and never comes back"
            typer.echo(f"note: {gone}; {comes}", err=True)


@contextmanager
def _progress(what: str, number: int) -> Iterator[tuple[Callable[[int], None], Callable[[datetime], None]]]:
    """Show on a terminal how much is done and which day it is in virtual time; yield what is to be told of both."""
    if not sys.stderr.isatty():
        yield (lambda _n: None), (lambda _at: None)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=number)
        yield (
            lambda n: shown.update(task, completed=n),
            lambda at: shown.update(task, description=f"{what} · {at:%d %b %Y}"),
        )


def _plain(told: Story, flight: Flight) -> dict[str, object]:
    from pydantic import TypeAdapter

    from workflows.rehearsal import flight as flights
    from workflows.rehearsal import story as stories

    plain = TypeAdapter(flights.Flight).dump_python(flight, mode="json")
    return {"story": TypeAdapter(stories.Story).dump_python(told, mode="json"), "flight": plain}
