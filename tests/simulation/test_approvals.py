"""A twentieth of the approvals with fresh seeds, seeds that once failed, and controls that must fail."""

from __future__ import annotations

import pytest

import models.approval
import models.outcomes
import models.people
import models.refusals
import tests.simulation.approvals
from tests.simulation.__main__ import APPROVALS, approvals, campaign
from tests.simulation.approvals import Desk
from tests.simulation.controls import FIRST, caught

ONCE_BROKEN = (
    97,
    663,
    4156,
    7049,
    *(32, 82, 107, 113, 143, 260, 824, 1136, 1138, 1219, 1684, 1993, 2160, 2642, 4585, 5426, 5720, 8962, 9153),
    *(15_437, 16_483, 19_074),
    *(100_907, 684_147_037, 684_167_051, 684_207_008),
)
"""Seeds that found one: the same person asked again, a turn that never came, an owner who changed, and others."""


@pytest.mark.parametrize("part", range(4))
def test_approvals_keep_their_promises_whatever_people_policies_absences_and_edits_do(part):
    found = campaign("approvals", FIRST + part * APPROVALS, APPROVALS // 80)
    assert found.broken == []
    assert found.waits > found.runs * 5


def test_the_approvals_that_once_failed_hold():
    assert approvals(ONCE_BROKEN).broken == []


def test_control_a_request_that_silently_waits_for_nobody_is_caught(monkeypatch):
    monkeypatch.setattr(models.outcomes, "_short", lambda state, step_id, record: [])
    assert caught(approvals, "waits for nobody", "policy says short")


def test_control_an_answer_of_somebody_who_may_not_is_caught(monkeypatch):
    monkeypatch.setattr(models.refusals, "may_answer", lambda step, person, record, state: "")
    assert caught(approvals, "may not answer")


def test_control_answering_twice_in_a_round_is_caught(monkeypatch):
    monkeypatch.setattr(models.refusals, "counts", lambda *_: False)
    monkeypatch.setattr(models.refusals, "_turn_of", lambda *_: None)
    assert caught(approvals, "twice in round")


def test_control_a_policy_that_decides_too_early_is_caught(monkeypatch):
    monkeypatch.setattr(models.approval, "_within_reach", lambda *_: False)
    assert caught(approvals, "rejected, the policy says None")


def test_control_a_yes_that_stands_on_something_worse_is_caught(monkeypatch):
    monkeypatch.setattr(models.approval, "worse", lambda covered, signed, now: [])
    assert caught(approvals, "the policy says", "worse than signed")


def test_control_a_yes_that_any_change_takes_away_is_caught(monkeypatch):
    monkeypatch.setattr(models.approval, "_worse", lambda way, signed, now: signed != now)
    assert caught(approvals, "is open, the policy says True")


def test_control_a_clock_that_runs_on_while_information_is_asked_is_caught(monkeypatch):
    monkeypatch.setattr(models.outcomes, "_pauses", lambda clock: ())
    assert caught(approvals, "by the wall clock")


def test_control_a_clock_that_counts_days_of_leave_is_caught(monkeypatch):
    monkeypatch.setattr(models.people.Directory, "leave", lambda self, *_: [])
    assert caught(approvals, "by the wall clock")


def test_control_an_absence_nobody_stands_in_for_is_caught(monkeypatch):
    monkeypatch.setattr(models.people, "stand_in", lambda person, *_: person)
    assert caught(approvals, "is not asked for")


def test_control_a_preview_that_keeps_quiet_is_caught(monkeypatch):
    said = tests.simulation.approvals.preview
    monkeypatch.setattr(
        tests.simulation.approvals, "preview", lambda *change: said(*change).model_copy(update={"lines": ()})
    )
    assert caught(approvals, "its preview did not print")


def test_what_approvals_go_through_is_not_too_tame():
    wanted = {
        "decided", "people", "incident", "escalated", "reminder", "silence", "overdue", "reassigned", "approver added",
        "nudged", "override proposed", "overridden", "undone answer", "taken over", "information asked", "hold",
        "information given", "recalled", "rework", "refreshed", "resubmitted", "comment", "question",
    }  # fmt: skip
    for seed in range(200):
        desk = Desk(seed)
        desk.fly()
        wanted -= {line.split(": ")[1] for line in desk.judge.story}
        if not wanted:
            return
    raise AssertionError(f"never seen: {wanted}")
