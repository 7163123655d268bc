"""`throughline serve`: the doors, as one process."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [THROUGHLINE_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [THROUGHLINE_PORT].")] = None,
) -> None:
    """Serve the API, the pages and the webhook door."""
    import uvicorn

    from connectors.registry import ConnectorSettings, build
    from connectors.settings import ApiSettings, DatabaseSettings, SandboxSettings

    settings, _ = ApiSettings.read(), DatabaseSettings.read()
    outside = build(ConnectorSettings.read())

    from api.app import create

    uvicorn.run(
        create(settings, crm=outside.crm, chatting=outside.chat, sandboxes=SandboxSettings.read().pages),
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        # Pages hold their event streams open; a stop must not wait for them.
        timeout_graceful_shutdown=3,
        server_header=False,
        proxy_headers=False,
        access_log=False,
    )
