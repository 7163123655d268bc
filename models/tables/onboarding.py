"""Onboardings and their tasks as the delivery pages read them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from models.tables.columns import closed_set, counter, day, moment, text, texts, whole

OnboardingState = Literal["running", "done"]
TaskState = Literal["waiting", "ready", "started", "blocked", "done"]
Side = Literal["us", "customer", "vendor"]


class Onboarding(SQLModel, table=True):
    """One onboarding, promised date against forecast."""

    __tablename__ = "onboarding"
    __table_args__ = (
        closed_set("state", OnboardingState),
        Index("onboarding_of_deal", "deal_id"),
        Index("onboarding_by_manager", "manager", "state", "forecast_go_live"),
        Index("onboarding_by_forecast", "state", "forecast_go_live", "id"),
    )

    id: str = text(primary_key=True)
    deal_id: str = text()
    account: str = text()
    title: str = text()
    manager: str = text(default="")
    phase: str = text(default="")
    state: OnboardingState = text(default="running")
    promised_go_live: date | None = day(default=None)
    forecast_go_live: date | None = day(default=None)
    tasks_total: int = whole(default=0)
    tasks_done: int = whole(default=0)
    blocked: int = whole(default=0)
    risk: str | None = text(default=None)
    since: datetime = moment()
    seq: int = counter(default=0)


class OnboardingTask(SQLModel, table=True):
    """One task of the plan, where it stands and where the baseline had it."""

    __tablename__ = "onboarding_task"
    __table_args__ = (
        closed_set("state", TaskState),
        closed_set("side", Side),
        Index("onboarding_task_by_owner", "owner", "due", postgresql_where=sql("state <> 'done'")),
    )

    onboarding_id: str = text(primary_key=True)
    task: str = text(primary_key=True)
    name: str = text()
    phase: str = text(default="")
    owner: str = text(default="")
    side: Side = text(default="us")
    state: TaskState = text(default="waiting")
    after: list[str] = texts()
    start: date | None = day(default=None)
    due: date | None = day(default=None)
    baseline_due: date | None = day(default=None)
    done_at: datetime | None = moment(default=None)
    blocked_reason: str | None = text(default=None)
    blocked_side: str | None = text(default=None)
    external_id: str | None = text(default=None)
    external_url: str | None = text(default=None)
    seq: int = counter(default=0)
