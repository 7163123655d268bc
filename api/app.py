"""The composition root of the doors: settings in, one application out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from temporalio.client import Client

from activities.calendars import working
from api import (
    answers,
    approvals,
    attachments,
    chat,
    deals,
    delegations,
    effects,
    flows,
    guard,
    health,
    onboarding,
    openapi,
    people,
    previewing,
    relay,
    streams,
    sweep,
    webhooks,
)
from api.auth import Sessions, Tokens
from api.events import Feed
from api.gateway import Gateway, TemporalGateway
from api.intake import Intake
from api.pages import routes as pages
from api.parts import Parts
from api.security import Secured
from connectors.chat import Chat
from connectors.contract import Crm
from connectors.database import Database
from connectors.settings import ApiSettings, CompanySettings, DatabaseSettings, FlowSettings
from models.calendar import CalendarSpec
from models.people import BusinessTime

STATIC = Path(__file__).with_name("static")
ROUTERS = (
    *(deals.router, approvals.router, previewing.router, effects.router, onboarding.router, flows.router),
    *(people.router, delegations.router, attachments.router, streams.router, health.router),
    *(webhooks.router, chat.router),
)

log = logging.getLogger(__name__)


def create(
    settings: ApiSettings | None = None,
    *,
    database: Database | None = None,
    gateway: Gateway | None = None,
    connect: Callable[[], Awaitable[Client]] | None = None,
    crm: Crm | None = None,
    chatting: Chat | None = None,
    intake: Intake | None = None,
    tokens: Mapping[str, str] | None = None,
    sandboxes: Mapping[str, str] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    relaying: bool = True,
) -> FastAPI:
    """Return the application. What is not given is made from the settings.

    `tokens` maps the SHA-256 of an API token to a person, `sandboxes` a vendor's name to its sandbox's address.
    """
    settings = settings or ApiSettings.read()
    database = database or Database.at(DatabaseSettings.read())
    parts = Parts(
        settings=settings,
        sessions=Sessions(settings.session_key.get_secret_value(), https=settings.public_url.startswith("https://")),
        tokens=Tokens(settings.hashed_tokens if tokens is None else tokens),
        database=database,
        gateway=gateway or TemporalGateway(connect or _temporal),
        feed=Feed(database),
        crm=crm,
        intake=intake or _library(),
        sandboxes=dict(sandboxes or {}),
        now=now,
        company=_company(),
        chat=chatting,
    )
    app = Doors(
        title="Throughline",
        version="1",
        description=openapi.ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=True,
        max_body_size=settings.max_body,
        dependencies=[Depends(guard.enforce)],
        lifespan=_running(relaying),
    )
    app.state.parts = parts
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    answers.install(app)
    openapi.describe(app)
    return app


def _running(relaying: bool) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts: Parts = app.state.parts
        loops = [asyncio.create_task(parts.feed.run())]
        if relaying:
            loops += [asyncio.create_task(relay.run(parts)), asyncio.create_task(sweep.run(parts))]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            if parts.chat is not None:
                await parts.chat.aclose()
            await parts.database.close()

    return lifespan


def _company() -> BusinessTime:
    company = CompanySettings.read()
    return BusinessTime(CalendarSpec(zone=company.zone, country=company.country), working)


async def _temporal() -> Client:
    from connectors.temporal import connect
    from workflows.plugin import plugin

    return await connect([plugin()])


def _library() -> Intake:
    """Load the flows on offer; what is broken is left out, and `throughline flow check` says what to do."""
    from api.flows_on_offer import on_offer

    offer = on_offer(FlowSettings.read().throughline_flows)
    for finding in offer.library.findings:
        log.warning("%s:%s: %s; %s", finding.file, finding.line, finding.what, finding.remedy)
    return offer


class Doors(FastAPI):
    """The application with our headers around everything, what the body limit answers included."""

    def build_middleware_stack(self) -> ASGIApp:
        parts: Parts = self.state.parts
        return Secured(super().build_middleware_stack(), https=parts.sessions.https)
