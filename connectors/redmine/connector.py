"""Redmine as our project tool: projects, versions and issues that can be found again by our key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from connectors.contract import (
    ExternalRef,
    Issue,
    IssueBody,
    IssueChange,
    ProjectBody,
    Refused,
    VersionBody,
)
from connectors.http import HttpConnector
from connectors.manifest import load_manifest
from connectors.redmine.records import (
    IssueRecord,
    Issues,
    OneIssue,
    OneProject,
    OneVersion,
    Project,
    Relations,
    Statuses,
    Versions,
    identifier,
    mark,
    marked,
)


class Redmine(HttpConnector):
    """A ProjectTool. The id of a project is its identifier; of versions and issues their number."""

    page = 100  # the most Redmine gives at once

    def __init__(self, base_url: str, key: str) -> None:
        super().__init__(
            load_manifest(Path(__file__).parent), base_url, headers={"X-Redmine-API-Key": key}, secrets=(key,)
        )
        self._statuses: dict[bool, int] = {}

    async def ping(self) -> None:
        await self.call("GET", "/users/current.json", what="see who this key belongs to")

    async def find_project(self, key: str) -> ExternalRef | None:
        path = f"/projects/{identifier(key)}.json"
        answer = await self.call("GET", path, what="look for the project of this deal", accept={404})
        return None if answer.status == 404 else self._project(self.read(answer, OneProject).project)

    async def create_project(self, key: str, body: ProjectBody) -> ExternalRef:
        wire = {
            "name": body.name[:255],
            "identifier": identifier(key),
            "description": marked(body.description, key),
            "is_public": False,
            "enabled_module_names": ["issue_tracking", "gantt", "calendar"],
        }
        answer = await self.call(
            "POST", "/projects.json", what="create the project", body={"project": wire}, accept={422}
        )
        if answer.status == 422 and (found := await self.find_project(key)):
            return found
        self.judge(answer)
        return self._project(self.read(answer, OneProject).project)

    async def close_project(self, project: ExternalRef) -> None:
        await self._turn(project, "close")

    async def reopen_project(self, project: ExternalRef) -> None:
        await self._turn(project, "reopen")

    async def find_version(self, project: ExternalRef, key: str) -> ExternalRef | None:
        answer = await self.call("GET", f"{_path(project)}/versions.json", what="look for the milestone")
        listed = self.read(answer, Versions).versions
        return next((self._version(each.id) for each in listed if mark(key) in (each.description or "")), None)

    async def create_version(self, project: ExternalRef, key: str, body: VersionBody) -> ExternalRef:
        # Redmine allows 60 characters of name and 255 of description; the mark must survive.
        wire = {
            "name": body.name[:60],
            "description": marked(body.description[:200], key).replace("\n\n", " "),
            "due_date": _day(body.due),
            "status": "open",
        }
        path = f"{_path(project)}/versions.json"
        answer = await self.call("POST", path, what="create the milestone", body={"version": wire}, accept={422})
        if answer.status == 422 and (found := await self.find_version(project, key)):
            return found
        self.judge(answer)
        return self._version(self.read(answer, OneVersion).version.id)

    async def find_issue(self, project: ExternalRef, key: str) -> ExternalRef | None:
        query = {"f[]": "description", "op[description]": "~", "v[description][]": mark(key)}
        # A filter Redmine does not know is ignored, so every answer is looked at before it is believed.
        for found in await self._issues(project, query, "look for the issue"):
            if mark(key) in (found.description or ""):
                return self._issue(found).ref
        return None

    async def create_issue(self, project: ExternalRef, key: str, body: IssueBody) -> ExternalRef:
        wire = {
            "project_id": project.id,
            "subject": body.subject[:255],
            "description": marked(body.description, key),
            "start_date": _day(body.start),
            "due_date": _day(body.due),
            "fixed_version_id": body.version,
        }
        answer = await self.call("POST", "/issues.json", what="create the issue", body={"issue": _filled(wire)})
        return self._issue(self.read(answer, OneIssue).issue).ref

    async def precede(self, first: ExternalRef, then: ExternalRef) -> None:
        """Let one issue precede another; Redmine moves the successor behind it, in working days."""
        wire = {"issue_to_id": int(then.id), "relation_type": "precedes"}
        path = f"/issues/{quote(first.id, safe='')}/relations.json"
        what = f"let issue {first.id} precede issue {then.id}"
        answer = await self.call("POST", path, what=what, body={"relation": wire}, accept={422})
        if answer.status == 422:
            known = self.read(await self.call("GET", path, what=f"read the relations of issue {first.id}"), Relations)
            ends = {(str(each.issue_id), str(each.issue_to_id), each.relation_type) for each in known.relations}
            if (first.id, then.id, "precedes") not in ends:
                self.judge(answer)

    async def read_issue(self, issue: ExternalRef) -> Issue:
        answer = await self.call("GET", _issue_path(issue), what=f"read issue {issue.id}")
        return self._issue(self.read(answer, OneIssue).issue)

    async def update_issue(self, issue: ExternalRef, change: IssueChange) -> Issue:
        wire: dict[str, Any] = {
            "subject": change.subject,
            "start_date": _day(change.start),
            "due_date": _day(change.due),
            "done_ratio": change.percent_done,
            "notes": change.note,
        }
        if change.done is not None:
            wire["status_id"] = await self._status(closed=change.done)
            wire["done_ratio"] = 100 if change.done else change.percent_done
        await self.call("PUT", _issue_path(issue), what=f"update issue {issue.id}", body={"issue": _filled(wire)})
        # Predecessors and a closed status move fields we did not name, so what counts is what Redmine has now.
        return await self.read_issue(issue)

    async def list_issues(self, project: ExternalRef, changed_since: datetime | None = None) -> list[Issue]:
        query = {"updated_on": f">={changed_since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if changed_since else {}
        return [self._issue(each) for each in await self._issues(project, query, "list the issues")]

    async def _issues(self, project: ExternalRef, query: dict[str, str], what: str) -> list[IssueRecord]:
        found: dict[int, IssueRecord] = {}
        offset, total = 0, 1
        while offset < total:
            # The project in the address, never a project_id filter: with f[] Redmine ignores that one.
            page = {**query, "status_id": "*", "sort": "id", "limit": str(self.page), "offset": str(offset)}
            if "f[]" in query:
                page = {**page, "set_filter": "1"}
            answer = await self.call("GET", f"{_path(project)}/issues.json", what=what, params=page)
            listed = self.read(answer, Issues)
            found |= {each.id: each for each in listed.issues}
            total, offset = listed.total_count, offset + self.page
        return list(found.values())

    async def _turn(self, project: ExternalRef, verb: str) -> None:
        await self.call("PUT", f"{_path(project)}/{verb}.json", what=f"{verb} project {project.id}")

    async def _status(self, *, closed: bool) -> int:
        if not self._statuses:
            answer = await self.call("GET", "/issue_statuses.json", what="list the issue statuses")
            listed = self.read(answer, Statuses).issue_statuses
            self._statuses = {each.is_closed: each.id for each in reversed(listed)}
        if closed not in self._statuses:
            raise Refused("Redmine", f"it has no issue status that is {'closed' if closed else 'open'}")
        return self._statuses[closed]

    def _project(self, project: Project) -> ExternalRef:
        return ExternalRef(id=project.identifier, url=f"{self.base_url}/projects/{project.identifier}")

    def _version(self, number: int) -> ExternalRef:
        return ExternalRef(id=str(number), url=f"{self.base_url}/versions/{number}")

    def _issue(self, record: IssueRecord) -> Issue:
        return Issue(
            ref=ExternalRef(id=str(record.id), url=f"{self.base_url}/issues/{record.id}"),
            subject=record.subject,
            start=record.start_date,
            due=record.due_date,
            done=record.status.is_closed,
            percent_done=record.done_ratio,
            updated_at=record.updated_on,
        )


def _path(project: ExternalRef) -> str:
    return f"/projects/{quote(project.id, safe='')}"


def _issue_path(issue: ExternalRef) -> str:
    return f"/issues/{quote(issue.id, safe='')}.json"


def _day(day: object) -> str | None:
    return None if day is None else str(day)


def _filled(wire: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wire.items() if value is not None}
