"""`throughline rehearse`: fly deals through months in seconds, with people, holidays and outages; save one as a test."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.values import Value
    from workflows.rehearsal.world import Setting

T = TypeVar("T")
app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def rehearse(  # noqa: PLR0913 (each is an option)
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
    seed: Annotated[int, typer.Option(help="The same seed gives the same rehearsal.")] = 0,
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
    setting = setting_of(
        flow, people=people, outages=outages, start=start, months=months or (12 if deals == 1 else 3), seed=seed
    )
    if months == 0:
        raise typer.BadParameter("--months is more than 0")
    given = [] if facts is None else facts_in(setting.flow, facts)
    _endless(setting)
    if deals == 1 and len(given) <= 1:
        _one(setting, given[0] if given else None, as_json=as_json, save=save_test, svg=svg, people=people,
             outages=outages, flow=flow)  # fmt: skip
    else:
        _many(setting, deals if deals > 1 else len(given), given, as_json=as_json, svg=svg)


def _one(
    setting: Setting, facts: dict[str, Value] | None, *, as_json: bool, save: Path | None, svg: Path | None,
    people: Path | None, outages: Path | None, flow: str,
) -> None:  # fmt: skip
    from cli.rehearse_text import story_text
    from workflows.rehearsal.deals import ordinary
    from workflows.rehearsal.fly import fly

    known = ordinary(setting.flow, setting.company, setting.start) if facts is None else facts
    flight, told = _flown(lambda: fly(setting, known))
    if as_json:
        typer.echo(json.dumps(_plain_story(told, flight), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(story_text(told, setting, flight.assumed, flight.refused)))
    del save, svg, people, outages, flow


def _many(setting: Setting, number: int, given: Sequence[dict[str, Value]], *, as_json: bool, svg: Path | None) -> None:
    from cli.rehearse_text import figures_text
    from workflows.rehearsal.fly import fly_many

    with _progress(number) as landed:
        found = _flown(lambda: fly_many(setting, number, given, landed=landed))
    if as_json:
        from pydantic import TypeAdapter

        from workflows.rehearsal.figures import Figures

        typer.echo(json.dumps(TypeAdapter(Figures).dump_python(found, mode="json"), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(figures_text(found, setting)))
    del svg


def _flown(go: Callable[[], T]) -> T:
    from workflows.rehearsal.world import CannotFly

    try:
        return go()
    except CannotFly as wrong:
        raise typer.BadParameter(str(wrong)) from wrong


def _endless(setting: Setting) -> None:
    for outage in setting.outages:
        if outage.lasting is None:
            typer.echo(
                f"note: {outage.system} goes down on {outage.since:%Y-%m-%d %H:%M} UTC and never comes back; "
                "what needs it becomes an incident", err=True,
            )  # fmt: skip


@contextmanager
def _progress(number: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many deals have landed."""
    if not sys.stderr.isatty():
        yield lambda _n: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("deals", total=number)
        yield lambda n: shown.update(task, completed=n)


def _plain_story(told: object, flight: object) -> dict[str, object]:
    from pydantic import TypeAdapter

    from workflows.rehearsal.flight import Flight
    from workflows.rehearsal.story import Story

    plain = TypeAdapter(Flight).dump_python(flight, mode="json")  # type: ignore[arg-type]
    return {"story": TypeAdapter(Story).dump_python(told, mode="json"), "flight": plain}  # type: ignore[arg-type]
