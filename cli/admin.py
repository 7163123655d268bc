"""`throughline admin`: what the people who run an installation need."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after an installation.")


@app.callback()
def admin() -> None:
    """Look after an installation."""


@app.command()
def migrate(
    revision: Annotated[str, typer.Option(help="The revision to bring it to; `base` takes all down.")] = "head",
) -> None:
    """Bring the database at DATABASE_URL to this version's tables."""
    from cli.schema import migrate as apply
    from connectors.settings import DatabaseSettings

    reached = apply(DatabaseSettings.read().dsn, revision)
    typer.echo(f"The database is at revision {reached or 'base'}.")


@app.command()
def reset() -> None:
    """Remove all data of the demo on this machine; a database of your own at DATABASE_URL is left alone."""
    from cli.local.places import Places
    from cli.local.progress import Terminal
    from cli.local.stack import forget, stop_leftovers
    from cli.local.supervisor import Supervisor

    places, report = Places.of_this_clone(), Terminal()
    with Supervisor(places, report):
        stop_leftovers(places, report)
        forget(places)
    typer.echo(f"{places.state} holds no data any more.")
