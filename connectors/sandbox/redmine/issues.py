"""Redmine's issues and the relations between them, with the dates a precedence moves."""

from __future__ import annotations

import re
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.sandbox.desk import Refusal
from connectors.sandbox.redmine.answers import day, find_project, inside, moment, page, refuse_if
from connectors.sandbox.store import Record, Store

STATUSES = [(1, "New", False), (2, "In Progress", False), (3, "Resolved", False), (4, "Feedback", False)]
STATUSES += [(5, "Closed", True), (6, "Rejected", True)]
TRACKER = {"id": 1, "name": "Task"}
_PRIORITY = {"id": 2, "name": "Normal"}
_ADMIN = {"id": 1, "name": "Throughline Integration"}
_OPEN = 1


class Issues:
    """The part of the API below /issues.json and /issues/."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def issues(self, request: Request) -> Response:
        query = request.query_params
        project = request.path_params.get("project") or query.get("project_id")
        listed = self.store.all("issues")
        if project:
            wanted = find_project(self.store, project)["id"]
            listed = [each for each in listed if each["project"]["id"] == wanted]
        # Rest_Issues: open issues only, unless status_id says otherwise; with f[] only its filters count.
        status = "*" if "f[]" in query else query.get("status_id", "open")
        if status != "*":
            listed = [each for each in listed if _has_status(each, status)]
        for field in query.getlist("f[]"):
            words = query.getlist(f"v[{field}][]")
            if field in ("description", "subject") and query.get(f"op[{field}]") == "~":
                listed = [each for each in listed if all(word.lower() in each[field].lower() for word in words)]
        if since := re.fullmatch(r">=(.+)", query.get("updated_on", "")):
            listed = [each for each in listed if each["updated_on"] >= since[1]]
        field, _, direction = query.get("sort", "id:desc").partition(":")
        listed = sorted(listed, key=lambda each: str(each.get(field) or "").zfill(12), reverse=direction == "desc")
        return page(request, "issues", listed)

    async def issue(self, request: Request) -> Response:
        return JSONResponse({"issue": self._find_issue(request.path_params["issue"])})

    async def add_issue(self, request: Request) -> Response:
        wanted = await inside(request, "issue")
        errors: list[str] = []
        project = find_project(self.store, request.path_params.get("project") or wanted.get("project_id"))
        if project["status"] != _OPEN:
            # Debian's 5.0.4 answers a new issue in a closed project with exactly these.
            refuse_if(["Project cannot be blank", "Tracker cannot be blank", "Status cannot be blank"])
        number, now = self.store.number("issue"), moment()
        issue: Record = {
            "id": number,
            "project": {"id": project["id"], "name": project["name"]},
            "tracker": TRACKER,
            "status": _status(1),
            "priority": _PRIORITY,
            "author": _ADMIN,
            "subject": "",
            "description": "",
            "start_date": date.today().isoformat(),  # noqa: DTZ011  -- Redmine's default is the server's own day
            "due_date": None,
            "done_ratio": 0,
            "is_private": False,
            "created_on": now,
        }
        issue |= self._wanted(wanted, issue, errors)
        refuse_if(errors)
        self.store.put("issues", str(number), issue)
        return JSONResponse({"issue": issue}, 201)

    async def change_issue(self, request: Request) -> Response:
        issue = self._find_issue(request.path_params["issue"])
        wanted = await inside(request, "issue")
        errors: list[str] = []
        changed = issue | self._wanted(wanted, issue, errors)
        refuse_if(errors)
        if wanted.get("notes"):
            note = {"user": _ADMIN, "notes": wanted["notes"], "created_on": moment()}
            changed["journals"] = [*issue.get("journals", []), note]
        self.store.put("issues", str(issue["id"]), changed)
        self._push_successors(changed)
        return Response(status_code=204)

    def _wanted(self, wanted: Record, issue: Record, errors: list[str]) -> Record:
        """Return the fields an issue gets, with what is wrong with them added to errors."""
        change: Record = {"updated_on": moment()}
        for field in ("subject", "description"):
            if field in wanted:
                change[field] = wanted[field] or ""
        subject = str(change.get("subject", issue["subject"]))
        if not subject:
            errors.append("Subject cannot be blank")
        if len(subject) > 255:
            errors.append("Subject is too long (maximum is 255 characters)")
        for field, label in (("start_date", "Start date"), ("due_date", "Due date")):
            if field in wanted:
                change[field] = day(wanted[field], label, errors)
        start, due = change.get("start_date", issue["start_date"]), change.get("due_date", issue["due_date"])
        if start and due and due < start:
            errors.append("Due date must be greater than start date")
        if "status_id" in wanted:
            change["status"] = _status(int(wanted["status_id"]))
            change["closed_on"] = moment() if change["status"]["is_closed"] else None
        if "done_ratio" in wanted:
            change["done_ratio"] = int(wanted["done_ratio"])
        if wanted.get("fixed_version_id"):
            version = self.store.get("versions", str(wanted["fixed_version_id"]))
            if version is None or version["project"]["id"] != issue["project"]["id"]:
                errors.append("Target version is not included in the list")
            else:
                change["fixed_version"] = {"id": version["id"], "name": version["name"]}
        return change

    def _find_issue(self, number: object) -> Record:
        issue = self.store.get("issues", str(number))
        if issue is None:
            raise Refusal(Response(status_code=404))
        return issue

    async def relations(self, request: Request) -> Response:
        issue = self._find_issue(request.path_params["issue"])["id"]
        listed = [each for each in self.store.all("relations") if issue in (each["issue_id"], each["issue_to_id"])]
        return JSONResponse({"relations": listed})

    async def add_relation(self, request: Request) -> Response:
        first = self._find_issue(request.path_params["issue"])
        wanted = await inside(request, "relation")
        then = self.store.get("issues", str(wanted.get("issue_to_id")))
        kind = wanted.get("relation_type") or "relates"
        if then is None:
            refuse_if(["Related issue cannot be blank"])
            raise AssertionError
        listed = self.store.all("relations")
        if any({each["issue_id"], each["issue_to_id"]} == {first["id"], then["id"]} for each in listed):
            refuse_if(["Related issue has already been taken"])
        if kind == "precedes" and self._reaches(then["id"], first["id"]):
            refuse_if(["This relation would create a circular dependency"])
        number = self.store.number("relation")
        relation = {
            "id": number,
            "issue_id": first["id"],
            "issue_to_id": then["id"],
            "relation_type": kind,
            "delay": int(wanted.get("delay") or 0) if kind == "precedes" else None,
        }
        self.store.put("relations", str(number), relation)
        self._push_successors(first)
        return JSONResponse({"relation": relation}, 201)

    def _reaches(self, start: int, goal: int) -> bool:
        if start == goal:
            return True
        after = [each["issue_to_id"] for each in self.store.all("relations") if each["issue_id"] == start]
        return any(self._reaches(each, goal) for each in after)

    def _push_successors(self, first: Record) -> None:
        """Move what follows behind it, keeping its working days (Rest_IssueRelations; Gantt, "precedes")."""
        end = first["due_date"] or first["start_date"]
        for relation in self.store.all("relations"):
            if relation["issue_id"] != first["id"] or relation["relation_type"] != "precedes" or not end:
                continue
            then = self._find_issue(relation["issue_to_id"])
            soonest = _working(date.fromisoformat(end) + timedelta(days=1 + relation["delay"]))
            if then["start_date"] and date.fromisoformat(then["start_date"]) >= soonest:
                continue
            moved = then | {"start_date": soonest.isoformat(), "updated_on": moment()}
            if then["start_date"] and then["due_date"]:
                days = _working_days(date.fromisoformat(then["start_date"]), date.fromisoformat(then["due_date"]))
                moved["due_date"] = _after(soonest, days).isoformat()
            self.store.put("issues", str(then["id"]), moved)
            self._push_successors(moved)


def _working(day: date) -> date:
    """Return the day, or the next one that is neither Saturday nor Sunday (the default non-working days)."""
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day


def _working_days(start: date, due: date) -> int:
    return sum(1 for n in range((due - start).days) if (start + timedelta(days=n)).isoweekday() <= 5)


def _after(start: date, days: int) -> date:
    day = start
    for _ in range(days):
        day = _working(day + timedelta(days=1))
    return day


def _status(number: int) -> Record:
    found = next((each for each in STATUSES if each[0] == number), STATUSES[0])
    return {"id": found[0], "name": found[1], "is_closed": found[2]}


def _has_status(issue: Record, wanted: str) -> bool:
    match wanted:
        case "open":
            return not issue["status"]["is_closed"]
        case "closed":
            return bool(issue["status"]["is_closed"])
        case _:
            return str(issue["status"]["id"]) in wanted.split("|")
