"""Says what a start is doing, so that a long step never looks hung."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

_EVERY = 15.0  # seconds between lines where no bar can be drawn, such as in CI


class Step(Protocol):
    """A step under way."""

    def __call__(self, text: str, done: float | None = None, total: float | None = None) -> None:
        """Say how far it is."""


class Reporter(Protocol):
    """Tells a person what is going on."""

    def say(self, text: str) -> None:
        """Say one thing."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Show one step from its beginning to its end."""


class Quiet:
    """Says nothing, as tests and machines like it."""

    def say(self, text: str) -> None:
        del text

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        del title
        yield _nothing


class Terminal:
    """Shows bars on a terminal and plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        if not self._console.is_terminal:
            yield from self._lines(title)
            return
        columns = (SpinnerColumn(finished_text="[green]✓[/]"), TextColumn("{task.description}"), BarColumn(24))
        with Progress(*columns, TaskProgressColumn(), TimeElapsedColumn(), console=self._console) as progress:
            shown = progress.add_task(title, total=None)

            def tell(text: str, done: float | None = None, total: float | None = None) -> None:
                progress.update(shown, description=f"{title} {text}".rstrip(), completed=done, total=total)

            yield tell
            progress.update(shown, description=title, total=1, completed=1)

    def _lines(self, title: str) -> Iterator[Step]:
        began = said = time.monotonic()
        self.say(f"{title} ...")

        def tell(text: str, done: float | None = None, total: float | None = None) -> None:
            nonlocal said
            now = time.monotonic()
            if now - said >= _EVERY:
                said = now
                share = f" {done / total:.0%}" if done is not None and total else ""
                self.say(f"{title} ...{share} {text} ({now - began:.0f} s)")

        yield tell
        if time.monotonic() - began >= _EVERY:
            self.say(f"{title}: done in {time.monotonic() - began:.0f} s")


def _nothing(text: str, done: float | None = None, total: float | None = None) -> None:
    del text, done, total
