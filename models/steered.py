"""What people changed about one request: who is asked in whose place, who is asked too, who wants to override."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Moved(_Frozen):
    """One person is asked in another's place; `of` is empty where nobody could be found."""

    of: str
    to: str
    by: str
    at: AwareDatetime
    reason: str = ""
    parties: tuple[str, ...] = ()
    """For which parties; none means all."""


class Added(_Frozen):
    """One more person who has to say yes, before the others are asked or after they have agreed."""

    person: str
    place: Literal["before", "after"]
    by: str
    at: AwareDatetime
    reason: str = ""


class Proposed(_Frozen):
    """An override that waits for a second administrator."""

    by: str
    verdict: Literal["approve", "reject"]
    reason: str
    edition: int
    at: AwareDatetime
