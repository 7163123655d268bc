"""What the doors work with, put together once by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from api.auth import Caller, Session, Sessions, Tokens
from api.events import Feed
from api.gateway import Gateway
from api.intake import Intake
from api.problems import Problem
from connectors.chat import Chat
from connectors.contract import Crm
from connectors.database import Database
from connectors.settings import ApiSettings
from models.people import BusinessTime


@dataclass(frozen=True)
class Parts:
    """Everything one process has; nothing here changes after the start."""

    settings: ApiSettings
    sessions: Sessions
    tokens: Tokens
    database: Database
    gateway: Gateway
    feed: Feed
    crm: Crm | None
    intake: Intake
    sandboxes: Mapping[str, str]
    now: Callable[[], datetime]
    company: BusinessTime
    """When the company works; what has not been asked yet is planned on it."""
    chat: Chat | None = None


def parts_of(request: Request) -> Parts:
    """Return the parts of the running application."""
    parts: Parts = request.app.state.parts
    return parts


def caller_of(request: Request) -> Caller:
    """Return the person behind the request."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise Problem("sign_in_needed")
    return caller


def visit_of(request: Request) -> Session | None:
    """Return the session of the cookie, a visitor's too."""
    session: Session | None = getattr(request.state, "session", None)
    return session


With = Annotated[Parts, Depends(parts_of)]
Asking = Annotated[Caller, Depends(caller_of)]
