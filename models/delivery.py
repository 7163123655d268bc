"""What happens to an onboarding: laying it out, acts and their refusals, forecast and risk. Changes by copies only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import assert_never

from models.calendar import HorizonTooNear, Working, between
from models.deal import Entry, Receipt
from models.onboarding import (
    Begin,
    BlockTask,
    CompleteTask,
    CrmWrite,
    Issue,
    OnboardingAct,
    OnboardingState,
    Risk,
    StartTask,
    Stop,
    Synced,
    Task,
    TaskState,
    UnblockTask,
)
from models.plan import CONDITION, After, PlanTask, Side, mistakes
from models.refused import Refusal
from models.schedule import Job, Schedule, schedule

KEPT_RECEIPTS = 500
_SIDES = {Side.US: "us", Side.CUSTOMER: "the customer", Side.VENDOR: "the vendor"}


class PlanBroken(ValueError):
    """This plan cannot be laid out; the message names every mistake."""


def lay_out(begin: Begin, working: Working, now: datetime) -> OnboardingState:
    """Return the onboarding as it begins, its baseline set. Raises PlanBroken or HorizonTooNear."""
    wrong = mistakes(begin.plan)
    if wrong:
        raise PlanBroken("; ".join(f"{each.task or begin.plan.name} {each.message}" for each in wrong))
    planned = _planned(begin)
    jobs = {each.name: Job(after=each.after, left=each.days * working.day) for each, _, _ in planned}
    placed = schedule(working, jobs, begin.plan.go_live, now)
    tasks = {
        each.name: Task(
            **each.model_dump(exclude={"owner"}),
            phase=phase,
            owner=owner,
            state=TaskState.WAITING if each.after else TaskState.READY,
            baseline_start=placed.tasks[each.name].start,
            baseline_due=placed.tasks[each.name].due,
            start=placed.tasks[each.name].start,
            due=placed.tasks[each.name].due,
        )
        for each, phase, owner in planned
    }
    go_live = working.date_of(placed.go_live)
    state = OnboardingState(
        begin=begin,
        working=working,
        opened_at=now,
        tasks=tasks,
        go_live=begin.plan.go_live,
        promised_go_live=begin.promised_go_live or go_live,
        baseline_go_live=go_live,
        forecast_go_live=go_live,
        phase=begin.plan.phases[0].title,
    )
    text = f"Onboarding of {begin.account} begins: {len(tasks)} tasks, go-live forecast for {_day(go_live)}"
    return forecast(_noted(state, now, "throughline", "onboarding", text), now)


def refusal(state: OnboardingState, act: OnboardingAct) -> Refusal | None:
    """Return why `act` is refused now, or None when it will be accepted."""
    repeated = state.answered.get(act.key)
    if repeated is not None:
        return _already(repeated)
    if state.done:
        return Refusal("ended", f"the onboarding of {state.begin.account} is done; nothing more can be changed on it")
    task = state.tasks.get(act.task)
    if task is None:
        known = ", ".join(state.tasks)
        return Refusal("unknown_step", f"this plan has no task {act.task!r}; it has {known}", {"field": "task"})
    if task.state is TaskState.DONE:
        done = f"{task.title} is done since {_day(state.working.date_of(task.done_at or task.due))}"
        return Refusal("already_answered" if act.do == "complete" else "closed", f"{done}; nothing is left to do")
    match act:
        case StartTask() | CompleteTask():
            return _cannot_go_on(state, task, act)
        case BlockTask():
            if task.blocked:
                return Refusal("closed", f"{task.title} is blocked already: {task.blocked.reason}; unblock it first")
            if not act.reason.strip():
                return Refusal("reason_needed", "say what blocks it: whoever can help reads it", {"field": "reason"})
            return None
        case UnblockTask():
            return None if task.blocked else Refusal("closed", f"{task.title} is not blocked; reload the page")
        case _:
            assert_never(act)


def perform(state: OnboardingState, act: OnboardingAct, now: datetime) -> tuple[OnboardingState, Receipt]:
    """Return the onboarding after an act that was not refused, and what the person is told."""
    task = state.tasks[act.task]
    match act:
        case StartTask():
            changed = task.model_copy(update={"state": TaskState.STARTED, "started_at": now})
            text = f"{task.title} started"
        case CompleteTask():
            update = {"state": TaskState.DONE, "started_at": task.started_at or now, "done_at": now}
            changed = task.model_copy(update=update)
            text = f"{task.title} done" + (f": {act.reason.strip()}" if act.reason.strip() else "")
        case BlockTask():
            stop = Stop(since=now, reason=act.reason.strip(), side=act.side, by=act.by)
            changed = task.model_copy(update={"state": TaskState.BLOCKED, "stops": (*task.stops, stop)})
            text = f"{task.title} blocked by {_SIDES[act.side]}: {stop.reason}"
        case UnblockTask():
            ended = task.stops[-1].model_copy(update={"until": now})
            back = TaskState.STARTED if task.started_at else TaskState.WAITING
            changed = task.model_copy(update={"state": back, "stops": (*task.stops[:-1], ended)})
            text = f"{task.title} can go on" + (f": {act.reason.strip()}" if act.reason.strip() else "")
        case _:
            assert_never(act)
    state = _readied(state.model_copy(update={"tasks": {**state.tasks, task.name: changed}}))
    state = forecast(_noted(state, now, act.by, act.do, text, task.name), now)
    receipt = Receipt(outcome=str(state.tasks[task.name].state), message=text, seq=state.seq, by=act.by, at=now)
    kept = dict(list({**state.answered, act.key: receipt}.items())[-KEPT_RECEIPTS:])
    return state.model_copy(update={"answered": kept}), receipt


def forecast(state: OnboardingState, now: datetime) -> OnboardingState:
    """Return the onboarding with dates, phase and risk as they follow from what has happened by `now`.

    When the calendar is too short for that, the dates stand and `calendar_short` says so.
    """
    all_done = all(task.state is TaskState.DONE for task in state.tasks.values())
    try:
        placed = schedule(state.working, _jobs(state, now), state.go_live, now)
        go_live = state.working.date_of(placed.go_live)
        risk = None if all_done else _risk(state, placed)
    except HorizonTooNear:
        return state.model_copy(update={"calendar_short": True})
    moved = {name: _placed(task, placed) for name, task in state.tasks.items()}
    phases = [task.phase for task in moved.values() if task.state is not TaskState.DONE]
    changed = {
        "tasks": moved,
        "forecast_go_live": go_live,
        "risk": risk and Risk(reason=risk, since=state.risk.since if state.risk else now),
        "phase": phases[0] if phases else state.begin.plan.phases[-1].title,
        "done": not phases,
        "calendar_short": False,
    }
    after = state.model_copy(update=changed)
    if after == state:
        return state
    return _told_crm(_tell_what_moved(state, after.model_copy(update={"seq": state.seq + 1}), now))


def extended(state: OnboardingState, working: Working, now: datetime) -> OnboardingState:
    """Return the onboarding on a calendar that reaches further."""
    return forecast(state.model_copy(update={"working": working, "calendar_short": False}), now)


def synced(state: OnboardingState, answer: Synced, now: datetime) -> OnboardingState:
    """Return the onboarding with the issues the project tool now has."""
    asked = {row.task: row for row in state.asked.rows} if state.asked else {}
    tasks = dict(state.tasks)
    for row in answer.rows:
        told = asked[row.task]
        issue = Issue(id=row.id, url=row.url, revision=told.revision, done=told.done)
        tasks[row.task] = tasks[row.task].model_copy(update={"issue": issue})
    state = state.model_copy(update={"tasks": tasks, "asked": None, "sync_error": ""})
    made = sum(1 for row in asked.values() if row.revision == 1)
    changed = len(asked) - made
    parts = ([f"{made} issues made"] if made else []) + ([f"{changed} brought up to date"] if changed else [])
    return _noted(state, now, "throughline", "project", f"Project tool: {', '.join(parts)}")


SYNC_FAILED = "The project tool could not be brought up to date"


def sync_failed(state: OnboardingState, error: str, now: datetime) -> OnboardingState:
    """Return the onboarding with the failure on record; the same one is not told twice."""
    if error == state.sync_error:
        return state
    text = f"{SYNC_FAILED}, it is tried again: {error}"
    return _noted(state.model_copy(update={"sync_error": error}), now, "throughline", "project", text)


def _planned(begin: Begin) -> list[tuple[PlanTask, str, str]]:
    """Return every task with its phase and owner; conditions come first and go-live waits for them."""
    first = begin.plan.phases[0].title
    conditions = [
        PlanTask(name=f"{CONDITION}{i}", title=each.text[:200], owner=each.owner, days=each.days, side=each.side)
        for i, each in enumerate(begin.conditions, start=1)
    ]
    planned = [(each, first, begin.owners.get(each.owner, each.owner)) for each in conditions]
    for phase in begin.plan.phases:
        for each in phase.tasks:
            task = each
            if each.name == begin.plan.go_live:
                links = tuple(After(task=condition.name) for condition in conditions)
                task = each.model_copy(update={"after": (*each.after, *links)})
            planned.append((task, phase.title, begin.owners.get(each.owner, each.owner)))
    return planned


def _cannot_go_on(state: OnboardingState, task: Task, act: StartTask | CompleteTask) -> Refusal | None:
    if task.blocked:
        return Refusal("not_allowed", f"{task.title} is blocked: {task.blocked.reason}; unblock it first")
    if task.state is TaskState.STARTED and act.do == "start":
        return Refusal("already_answered", f"{task.title} is started already")
    before = [state.tasks[link.task].title for link in task.after if state.tasks[link.task].state is not TaskState.DONE]
    if before:
        return Refusal("not_allowed", f"{task.title} waits for {', '.join(before)}; complete that first")
    return None


def _readied(state: OnboardingState) -> OnboardingState:
    done = {name for name, task in state.tasks.items() if task.state is TaskState.DONE}
    tasks = dict(state.tasks)
    for name, task in tasks.items():
        if task.state is TaskState.WAITING and all(link.task in done for link in task.after):
            tasks[name] = task.model_copy(update={"state": TaskState.READY})
    return state.model_copy(update={"tasks": tasks})


def _jobs(state: OnboardingState, now: datetime) -> Mapping[str, Job]:
    return {
        name: Job(
            after=task.after,
            left=_left(task, state.working, now),
            begun=task.started_at,
            done=task.done_at,
        )
        for name, task in state.tasks.items()
    }


def _left(task: Task, working: Working, now: datetime) -> timedelta:
    """Return how much of its planned work is left: its length less the working time since its start, stops excepted."""
    length = task.days * working.day
    if task.started_at is None:
        return length
    stood = sum(
        (between(working, max(stop.since, task.started_at), stop.until or now) for stop in task.stops), timedelta(0)
    )
    return max(length - (between(working, task.started_at, now) - stood), timedelta(0))


def _placed(task: Task, placed: Schedule) -> Task:
    at = placed.tasks[task.name]
    return task.model_copy(update={"start": at.start, "due": at.due, "slack": at.slack, "critical": at.critical})


def _risk(state: OnboardingState, placed: Schedule) -> str | None:
    deciding = [state.tasks[name] for name in placed.critical]
    blocked = next((task for task in deciding if task.blocked), None)
    cause = f"{blocked.title} is blocked by {_SIDES[blocked.blocked.side]}" if blocked and blocked.blocked else None
    late = _days_late(state.working, state.promised_go_live, placed.go_live)
    if late:
        if cause is None and deciding:
            cause = (
                f"{deciding[0].title} decides it and was due {_day(state.working.date_of(deciding[0].baseline_due))}"
            )
        go_live = _day(state.working.date_of(placed.go_live))
        how_late = f"{late} working day{'s' if late != 1 else ''} after the promise"
        return f"go-live is forecast for {go_live}, {how_late}" + (f"; {cause}" if cause else "")
    return f"{cause} and decides go-live" if cause else None


def _days_late(working: Working, promised: date, go_live: datetime) -> int:
    if working.date_of(go_live) <= promised:
        return 0
    begins = working.date_of(working.opens[0])
    since = working.end_of(promised) if promised >= begins else working.start
    return -(-between(working, since, go_live) // working.day)


def _tell_what_moved(before: OnboardingState, after: OnboardingState, now: datetime) -> OnboardingState:
    if after.forecast_go_live != before.forecast_go_live:
        text = f"Go-live forecast moves from {_day(before.forecast_go_live)} to {_day(after.forecast_go_live)}"
        after = _noted(after, now, "throughline", "forecast", text, because=before.seq)
    if bool(after.risk) != bool(before.risk):
        text = f"At risk: {after.risk.reason}" if after.risk else "No longer at risk"
        after = _noted(after, now, "throughline", "risk", text, because=before.seq)
    if after.done and not before.done:
        text = f"Onboarding done; went live {_day(after.forecast_go_live)}, promised {_day(after.promised_go_live)}"
        after = _noted(after, now, "throughline", "onboarding", text, because=before.seq)
    return after


def _told_crm(state: OnboardingState) -> OnboardingState:
    """Put what the CRM should show into the outbox when it differs from what it was told last."""
    fields = {
        "throughline_progress": "done" if state.done else "at risk" if state.risk else "on track",
        "throughline_phase": state.phase,
        "throughline_go_live": state.promised_go_live.isoformat(),
        "throughline_forecast_go_live": state.forecast_go_live.isoformat(),
        "throughline_risk": state.risk.reason if state.risk else "",
    }
    if fields == state.crm_told:
        return state
    revision = state.crm_revision + 1
    write = CrmWrite(deal_id=state.begin.deal_id, revision=f"onboarding-{revision}", fields=fields)
    return state.model_copy(
        update={"crm_outbox": (*state.crm_outbox, write), "crm_told": fields, "crm_revision": revision}
    )


def _noted(
    state: OnboardingState,
    now: datetime,
    who: str,
    kind: str,
    text: str,
    task: str | None = None,
    *,
    because: int | None = None,
) -> OnboardingState:
    seq = state.seq + 1
    step = f"task:{task}" if task else None
    entry = Entry(seq=seq, at=now, who=who, kind=kind, text=text, step=step, because=because)
    return state.model_copy(update={"seq": seq, "outbox": (*state.outbox, entry)})


def _already(receipt: Receipt) -> Refusal:
    told = receipt.model_copy(update={"repeated": True})
    return Refusal("already_answered", f"already answered: {receipt.message}", told.model_dump(mode="json"))


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
