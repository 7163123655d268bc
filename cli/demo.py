"""`throughline demo`: a whole company on this machine, with one command."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Annotated

import typer

from cli.local.places import Places
from cli.local.progress import Terminal
from cli.local.stack import Stack, running

app = typer.Typer(rich_markup_mode=None)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Play one whole deal without a browser, then stop.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Start over with empty data.")] = False,
) -> None:
    """Run a company at work: PostgreSQL, Temporal, sandboxes, worker and pages, until Ctrl-C."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _stop)
    report = Terminal()
    with running(Places.of_this_clone(), report, reset=reset) as stack:
        code = play_once(stack, report) if once else play_live(stack, report)
    raise typer.Exit(code)


def play_live(stack: Stack, report: Terminal) -> int:
    """Say where to look and keep everything running until Ctrl-C."""
    report.say(f"The pages are at {stack.pages}")
    for vendor, address in stack.vendors.items():
        report.say(f"  what arrived at {vendor}: {address}")
    if stack.temporal_pages:
        report.say(f"  Temporal's own pages: {stack.temporal_pages}")
    report.say("Ctrl-C stops everything; the next start continues")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        report.say("")
    return 0


def play_once(stack: Stack, report: Terminal) -> int:
    """Say that everything works."""
    report.say(f"Everything runs, the pages are at {stack.pages}")
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that everything stops in order."""
    del number, frame
    raise KeyboardInterrupt
