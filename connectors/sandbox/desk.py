"""What every sandbox vendor has beside its API: a page of everything that arrived, and controls under /_sandbox/."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from connectors.sandbox.faults import Abort, Faults, Limit, Script
from connectors.sandbox.store import Record, Store

_TEMPLATES = Path(__file__).parents[2] / "templates" / "sandbox"
_SCRIPTS = TypeAdapter(list[Script])


class Refusal(Exception):
    """Stop the work and answer this instead."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Vendor(ABC):
    """One sandbox vendor: its memory, its keys, its API and how it says no."""

    name: ClassVar[str]
    title: ClassVar[str]
    template: ClassVar[str] = "desk.html"
    # What the page shows of each kind of record, as heading -> field.
    shown: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def __init__(self, store: Store, keys: Mapping[str, str]) -> None:
        self.store = store
        self.keys = keys
        self.base_url = ""  # known once the port is
        self.limits: dict[str, Limit] = {}

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """Return the vendor's own paths."""

    @abstractmethod
    def error(self, status: int) -> Response:
        """Return how this vendor answers with this status when nothing more is to be said."""

    def controls(self) -> Sequence[BaseRoute]:
        """Return what can be done to this vendor beside what can be done to all."""
        return ()

    async def start(self) -> None:  # noqa: B027 (most vendors have nothing of their own to begin)
        """Begin what runs by itself."""

    async def stop(self) -> None:  # noqa: B027 (nor to end)
        """End what runs by itself."""


class Desk:
    """One vendor as an ASGI app."""

    def __init__(self, vendor: Vendor, cut: Abort) -> None:
        self.vendor = vendor
        self._pages = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._pages.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
        routes = [
            *vendor.routes(),
            Route("/", self._page),
            Route("/_sandbox/sandbox.css", self._style),
            Route("/_sandbox/objects", self._objects),
            Route("/_sandbox/objects/{kind:path}", self._objects),
            Route("/_sandbox/arrivals", self._arrivals),
            Route("/_sandbox/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/limits", self._limits, methods=["POST"]),
            *vendor.controls(),
        ]
        app = Starlette(
            routes=routes,
            exception_handlers={Refusal: _refused, HTTPException: self._no_route},
        )
        self.faults = Faults(app, vendor.store, vendor.error, cut)

    @property
    def app(self) -> ASGIApp:
        return self.faults

    async def _page(self, _request: Request) -> Response:
        page = self._pages.get_template(self.vendor.template)
        kinds = {kind: self.vendor.store.items(kind) for kind in self.vendor.shown}
        return HTMLResponse(
            page.render(
                vendor=self.vendor, kinds=kinds, shown=self.vendor.shown, arrivals=list(self.vendor.store.arrivals())
            )
        )

    async def _style(self, _request: Request) -> Response:
        return Response((_TEMPLATES / "sandbox.css").read_text(encoding="utf-8"), media_type="text/css")

    async def _objects(self, request: Request) -> Response:
        kind = request.path_params.get("kind")
        return JSONResponse(self.vendor.store.all(kind) if kind else self.vendor.store.kinds())

    async def _arrivals(self, request: Request) -> Response:
        return JSONResponse(list(self.vendor.store.arrivals(int(request.query_params.get("newest", "200")))))

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.scripts = []
        elif request.method == "POST":
            asked = await body_of(request)
            try:
                self.faults.scripts += _SCRIPTS.validate_python(asked if isinstance(asked, list) else [asked])
            except ValidationError as wrong:
                return JSONResponse({"error": str(wrong)}, 422)
        return JSONResponse([script.model_dump(mode="json") for script in self.faults.scripts])

    async def _limits(self, request: Request) -> Response:
        asked = await body_of(request)
        self.vendor.limits[asked["name"]] = Limit(int(asked["calls"]), float(asked["seconds"]))
        return Response(status_code=204)

    async def _no_route(self, _request: Request, wrong: Exception) -> Response:
        return self.vendor.error(wrong.status_code if isinstance(wrong, HTTPException) else 500)


async def body_of(request: Request) -> Any:
    """Return a JSON or form body; refuses pages of other sites, which may also reach a loopback port."""
    origin = request.headers.get("origin")
    if origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refusal(JSONResponse({"error": "another site asked for this"}, 403))
    if request.headers.get("content-type", "").startswith(("application/x-www-form-urlencoded", "multipart/")):
        return {name: str(value) for name, value in (await request.form()).items()}
    try:
        return json.loads(await request.body() or b"{}")
    except ValueError:
        raise Refusal(JSONResponse({"error": "the body is not JSON"}, 400)) from None


def done(request: Request, answer: Record, status: int = 200) -> Response:
    """Answer a control: back to the page for a browser's form, the record for a program."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/", 303)
    return JSONResponse(answer, status)


async def _refused(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return refusal.response


Handler = Callable[[Request], Any]
