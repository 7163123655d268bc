"""`throughline demo`: a whole company on this machine, with one command; its people are in cli/playing."""

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
    stopped_by_signals()
    report = Terminal()
    try:
        with running(Places.of_this_clone(), report, reset=reset) as stack:
            code = play_once(stack, report) if once else play_live(stack, report)
    except KeyboardInterrupt:
        # Stopped on purpose: for the live demo that is its proper end, one deal would be left half played.
        report.say("")
        code = 130 if once else 0
    raise typer.Exit(code)


def play_once(stack: Stack, report: Terminal) -> int:
    """Play one deal from webhook to onboarding, print what happened, and say whether everything is there once."""
    from cli.playing.once import open_stage, play
    from cli.playing.timeline import show

    cast = open_stage(stack.pages, stack.vendors, stack.env)
    try:
        with report.step("Playing one deal, from a webhook of the CRM to a running onboarding") as step:
            played = play(cast, lambda entry: step(entry["text"][:60]))
        show(played)
    finally:
        cast.close()
    for fault in played.faults:
        report.say(f"wrong: {fault}")
    return 1 if played.faults else 0


def play_live(stack: Stack, report: Terminal) -> int:
    """Show a company at work, say which pages to open as whom, and keep everything running until Ctrl-C."""
    from cli.playing.live import doors_to_open, move_in

    move_in(stack.pages, stack.vendors, stack.env, report)
    for line in doors_to_open(stack.pages, stack.vendors, stack.temporal_pages):
        report.say(line)
    threading.Event().wait()
    return 0


def stopped_by_signals() -> None:
    """Let every signal that asks for an end do as Ctrl-C does, so that everything stops in order."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise _Stopped


class _Stopped(KeyboardInterrupt):
    """Ctrl-C by another type: `python -m`, once a bare one passed through code it had generated, ends as if killed."""
