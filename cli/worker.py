"""`throughline worker`: carries deals on, as one process."""

from __future__ import annotations

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command()
def worker() -> None:
    """Run a worker until it is told to stop; what it leaves undone another one continues."""
    from worker import main

    main()
