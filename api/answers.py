"""How a failure leaves the doors: a problem document for programs, a page that says what to do for people."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.pages.frame import show
from api.problems import MEDIA_TYPE, FieldError, Problem

log = logging.getLogger(__name__)
_BY_STATUS = {401: "sign_in_needed", 403: "wrong_role", 404: "not_found", 405: "no_such_method", 413: "too_large"}


def install(app: FastAPI) -> None:
    """Answer every exception the doors let out."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    for down in (OperationalError, InterfaceError, PoolTimeout, ConnectionError):
        app.add_exception_handler(down, _database_down)
    app.add_exception_handler(DataError, _bad_data)
    app.add_exception_handler(DBAPIError, _database_failed)
    app.add_exception_handler(Exception, _failed)


async def answer(request: Request, problem: Problem) -> Response:
    """Return the problem as a document, or as a page to somebody who reads one."""
    state: dict[str, Any] = request.scope.get("state", {})
    body = problem.body(request.url.path, str(state.get("request_id", "")))
    if not _reads_pages(request):
        content = body.model_dump(mode="json", exclude_defaults=False)
        return JSONResponse(content, problem.kind.status, problem.headers, media_type=MEDIA_TYPE)
    if problem.code == "sign_in_needed" and request.method == "GET":
        return RedirectResponse(f"/sign-in?next={_local(request)}", 303)
    return await show(request, "problem.html", {"problem": body}, problem.kind.status, problem.headers, bare=True)


def _reads_pages(request: Request) -> bool:
    outside = ("/api/", "/webhooks/", "/healthz", "/readyz", "/static/")
    return not request.url.path.startswith(outside) and "application/json" not in request.headers.get("accept", "")


def _local(request: Request) -> str:
    from urllib.parse import quote

    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path + query, safe="/")


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return await answer(request, problem)


async def _unreadable(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, RequestValidationError)
    errors = [FieldError(field=_place(each["loc"]), message=str(each["msg"])) for each in wrong.errors()]
    named = ", ".join(dict.fromkeys(error.field for error in errors))
    return await answer(request, Problem("unreadable", f"Not usable: {named}.", errors=errors))


async def _http(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, HTTPException)
    code = _BY_STATUS.get(failure.status_code, "wrong_media" if failure.status_code == 415 else "unreadable")
    response = await answer(request, Problem(code))
    if failure.status_code == 405 and failure.headers:
        response.headers.update(failure.headers)
    return response


async def _database_down(request: Request, down: Exception) -> Response:
    log.warning("the database does not answer: %s", down)
    return await answer(request, Problem("database_down"))


async def _bad_data(request: Request, wrong: Exception) -> Response:
    log.info("the database refused a value: %s", wrong)
    return await answer(request, Problem("unreadable", "A value is not one the database can hold."))


async def _database_failed(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, DBAPIError)
    if failure.connection_invalidated:
        return await _database_down(request, failure)
    return await _failed(request, failure)


async def _failed(request: Request, failure: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=failure)
    return await answer(request, Problem("failed"))


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location if part not in {"body", "query", "path"}) or "body"
