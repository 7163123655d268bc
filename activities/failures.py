"""What an activity's failure means to Temporal: one table from ours to its retry decisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import psycopg
from sqlalchemy.exc import DBAPIError
from temporalio.exceptions import ApplicationError

from activities.effects import Annulled, Busy, KeyReused, NotAllowed, OutcomeUnknown
from connectors.failures import AccessDenied, Ambiguous, NotFound, RateLimited, Refused, Unavailable


class Treatment(NamedTuple):
    """The failure's name in the workflow, and whether trying again by itself can help."""

    type: str
    retried: bool


TABLE: dict[type[Exception], Treatment] = {
    Unavailable: Treatment("unavailable", retried=True),
    RateLimited: Treatment("rate_limited", retried=True),
    # A repeat is safe because every create goes through the ledger, which looks before it repeats.
    Ambiguous: Treatment("ambiguous", retried=True),
    Busy: Treatment("busy", retried=True),
    AccessDenied: Treatment("access_denied", retried=False),
    Refused: Treatment("refused", retried=False),
    NotFound: Treatment("not_found", retried=False),
    KeyReused: Treatment("key_reused", retried=False),
    OutcomeUnknown: Treatment("outcome_unknown", retried=False),
    Annulled: Treatment("annulled", retried=False),
    NotAllowed: Treatment("not_allowed", retried=False),
}

_SOON = timedelta(milliseconds=100)


@contextmanager
def told_to_temporal() -> Iterator[None]:
    """Turn the failures of the table into what Temporal acts upon; all others pass as they are."""
    try:
        yield
    except tuple(TABLE) as failure:
        raise temporal_failure(failure) from failure
    except (DBAPIError, psycopg.Error) as failure:
        # Its text holds the statement with its values, which must not reach a history.
        raise ApplicationError(f"The database failed: {type(failure).__name__}.", type="database") from None


def temporal_failure(failure: Exception) -> ApplicationError:
    """Return the failure as Temporal's, with the pause the other side asked for."""
    treatment = next(each for kind, each in TABLE.items() if isinstance(failure, kind))
    retry_after: timedelta | None = getattr(failure, "retry_after", None)
    details = {
        "system": getattr(failure, "system", ""),
        "key": getattr(failure, "key", ""),
        "what": getattr(failure, "what", str(failure)),
    }
    return ApplicationError(
        str(failure),
        details,
        type=treatment.type,
        non_retryable=not treatment.retried,
        # Nought would mean "no pause asked for", and the caller's own backoff would apply.
        next_retry_delay=max(retry_after, _SOON) if treatment.retried and retry_after is not None else None,
    )
