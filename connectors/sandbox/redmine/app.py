"""Redmine's REST API as its wiki documents it, small: projects, versions, issues, relations.

Sources, pages of the Redmine wiki: Rest_api, Rest_Projects, Rest_Versions, Rest_Issues, Rest_IssueRelations,
Rest_IssueStatuses, Rest_Users; and what the Redmine 5.0.4 of Debian answers to the same suite.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox.desk import Refusal, Vendor
from connectors.sandbox.redmine.answers import day, find_project, inside, moment, page, refuse_if
from connectors.sandbox.redmine.issues import STATUSES, TRACKER, Issues

_OPEN, _CLOSED = 1, 5


class RedmineSandbox(Vendor):
    name = "redmine"
    title = "Redmine"
    shown: ClassVar = {
        "projects": {"name": "name", "identifier": "identifier", "status": "status"},
        "versions": {"name": "name", "project": "project.name", "due": "due_date"},
        "issues": {
            "subject": "subject",
            "project": "project.name",
            "status": "status.name",
            "start": "start_date",
            "due": "due_date",
            "done %": "done_ratio",
        },
        "relations": {"first": "issue_id", "relation": "relation_type", "then": "issue_to_id"},
    }

    def routes(self) -> Sequence[BaseRoute]:
        def route(path: str, method: str, work: Any) -> Route:
            async def answer(request: Request) -> Response:
                self._check(request)
                answered: Response = await work(request)
                return answered

            return Route(path, answer, methods=[method])

        issues = Issues(self.store)
        return [
            route("/users/current.json", "GET", self._me),
            route("/issue_statuses.json", "GET", self._statuses),
            route("/trackers.json", "GET", self._trackers),
            route("/projects.json", "GET", self._projects),
            route("/projects.json", "POST", self._add_project),
            route("/projects/{project}.json", "GET", self._project),
            route("/projects/{project}/close.json", "PUT", self._close),
            route("/projects/{project}/reopen.json", "PUT", self._reopen),
            route("/projects/{project}/versions.json", "GET", self._versions),
            route("/projects/{project}/versions.json", "POST", self._add_version),
            route("/projects/{project}/issues.json", "GET", issues.issues),
            route("/projects/{project}/issues.json", "POST", issues.add_issue),
            route("/issues.json", "GET", issues.issues),
            route("/issues.json", "POST", issues.add_issue),
            route("/issues/{issue:int}.json", "GET", issues.issue),
            route("/issues/{issue:int}.json", "PUT", issues.change_issue),
            route("/issues/{issue:int}/relations.json", "GET", issues.relations),
            route("/issues/{issue:int}/relations.json", "POST", issues.add_relation),
        ]

    def error(self, status: int) -> Response:
        # Rest_api: only 422 has a body, an array of sentences.
        return JSONResponse({"errors": ["Sandbox says no"]}, 422) if status == 422 else Response(status_code=status)

    def _check(self, request: Request) -> None:
        # Rest_api, Authentication: X-Redmine-API-Key header, or the key parameter.
        given = request.headers.get("x-redmine-api-key") or request.query_params.get("key")
        if given != self.keys["REDMINE_KEY"]:
            raise Refusal(Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="Redmine API"'}))

    async def _me(self, _request: Request) -> Response:
        return JSONResponse(
            {"user": {"id": 1, "login": "throughline", "firstname": "Throughline", "lastname": "Integration"}}
        )

    async def _statuses(self, _request: Request) -> Response:
        listed = [{"id": id_, "name": name, "is_closed": closed} for id_, name, closed in STATUSES]
        return JSONResponse({"issue_statuses": listed})

    async def _trackers(self, _request: Request) -> Response:
        return JSONResponse({"trackers": [{**TRACKER, "default_status": {"id": 1, "name": "New"}}]})

    # --- projects

    async def _projects(self, request: Request) -> Response:
        return page(request, "projects", [each for each in self.store.all("projects") if each["status"] == _OPEN])

    async def _project(self, request: Request) -> Response:
        return JSONResponse({"project": find_project(self.store, request.path_params["project"])})

    async def _add_project(self, request: Request) -> Response:
        wanted = await inside(request, "project")
        identifier = str(wanted.get("identifier", ""))
        errors = []
        if not wanted.get("name"):
            errors.append("Name cannot be blank")
        if not identifier:
            errors.append("Identifier cannot be blank")
        # Rest_Projects: length 1 to 100, lower case letters, digits, dashes and underscores, not all digits.
        elif not re.fullmatch(r"[a-z][a-z0-9_-]{0,99}", identifier):
            errors.append("Identifier is invalid")
        if any(each["identifier"] == identifier for each in self.store.all("projects")):
            errors.append("Identifier has already been taken")
        refuse_if(errors)
        number, now = self.store.number("project"), moment()
        project = {
            "id": number,
            "name": wanted["name"],
            "identifier": identifier,
            "description": wanted.get("description") or "",
            "homepage": "",
            "status": _OPEN,
            "is_public": bool(wanted.get("is_public", True)),
            "inherit_members": False,
            "created_on": now,
            "updated_on": now,
        }
        self.store.put("projects", str(number), project)
        return JSONResponse({"project": project}, 201)

    async def _close(self, request: Request) -> Response:
        return self._turn(request, _CLOSED)

    async def _reopen(self, request: Request) -> Response:
        return self._turn(request, _OPEN)

    def _turn(self, request: Request, status: int) -> Response:
        project = find_project(self.store, request.path_params["project"])
        self.store.put("projects", str(project["id"]), project | {"status": status, "updated_on": moment()})
        return Response(status_code=204)

    # --- versions

    async def _versions(self, request: Request) -> Response:
        project = find_project(self.store, request.path_params["project"])
        listed = [each for each in self.store.all("versions") if each["project"]["id"] == project["id"]]
        return JSONResponse({"versions": listed, "total_count": len(listed)})

    async def _add_version(self, request: Request) -> Response:
        project = find_project(self.store, request.path_params["project"])
        wanted = await inside(request, "version")
        name, listed = str(wanted.get("name", "")), self.store.all("versions")
        errors = [] if name else ["Name cannot be blank"]
        if any(each["project"]["id"] == project["id"] and each["name"] == name for each in listed):
            errors.append("Name has already been taken")
        if len(name) > 60:
            errors.append("Name is too long (maximum is 60 characters)")
        if len(wanted.get("description") or "") > 255:
            errors.append("Description is too long (maximum is 255 characters)")
        due = day(wanted.get("due_date"), "Due date", errors)
        refuse_if(errors)
        number, now = self.store.number("version"), moment()
        version = {
            "id": number,
            "project": {"id": project["id"], "name": project["name"]},
            "name": name,
            "description": wanted.get("description") or "",
            "status": wanted.get("status") or "open",
            "due_date": due,
            "sharing": "none",
            "created_on": now,
            "updated_on": now,
        }
        self.store.put("versions", str(number), version)
        return JSONResponse({"version": version}, 201)
