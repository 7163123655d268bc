"""Failures: whatever a connector or the ledger says, Temporal knows whether and when to try again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from temporalio.exceptions import ApplicationError

from activities.effects import Annulled, Busy, KeyReused, LedgerFailure, NotAllowed, OutcomeUnknown
from activities.failures import TABLE, told_to_temporal
from connectors.failures import (
    AccessDenied,
    Ambiguous,
    ConnectorFailure,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)

SOON = timedelta(seconds=7)


def told(failure: Exception) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught, told_to_temporal():
        raise failure
    return caught.value


def every_kind(of: type[Exception]) -> set[type[Exception]]:
    return set(of.__subclasses__())


def test_the_table_knows_every_failure_there_is() -> None:
    assert set(TABLE) == every_kind(ConnectorFailure) | every_kind(LedgerFailure)


@pytest.mark.parametrize("kind", [Unavailable, RateLimited, Ambiguous])
def test_what_may_pass_is_retried_after_the_pause_the_other_side_asked_for(kind: type[ConnectorFailure]) -> None:
    assert not told(kind("ERP", "away", retry_after=SOON)).non_retryable
    assert told(kind("ERP", "away", retry_after=SOON)).next_retry_delay == SOON
    assert told(kind("ERP", "away")).next_retry_delay is None


@pytest.mark.parametrize("kind", [AccessDenied, Refused, NotFound])
def test_what_a_person_must_repair_is_not_retried(kind: type[ConnectorFailure]) -> None:
    failure = told(kind("ERP", "no such item", retry_after=SOON))
    assert failure.non_retryable
    assert failure.next_retry_delay is None
    assert failure.details[0]["system"] == "ERP"
    assert "no such item" in failure.message


def test_a_busy_effect_is_asked_for_again_when_its_lease_ends() -> None:
    failure = told(Busy("d|call:x|1", "it is under way.", retry_after=SOON))
    assert (failure.type, failure.non_retryable, failure.next_retry_delay) == ("busy", False, SOON)
    assert told(Busy("k", "now", retry_after=timedelta(0))).next_retry_delay == timedelta(milliseconds=100)


@pytest.mark.parametrize("kind", [KeyReused, OutcomeUnknown, Annulled, NotAllowed])
def test_what_the_ledger_leaves_to_a_person_is_not_retried(kind: type[LedgerFailure]) -> None:
    failure = told(kind("d|call:x|1", "settle it."))
    assert failure.non_retryable
    assert failure.details[0]["key"] == "d|call:x|1"


def test_a_database_failure_is_retried_and_keeps_its_values_to_itself() -> None:
    failure = told(OperationalError("insert into person values (:name)", {"name": "Dana"}, Exception("gone")))
    assert (failure.type, failure.non_retryable) == ("database", False)
    assert "Dana" not in str(failure)
    assert failure.__cause__ is None


def test_a_defect_passes_as_it_is() -> None:
    with pytest.raises(KeyError), told_to_temporal():
        raise KeyError("id")
