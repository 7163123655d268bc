"""A deal on its way in: which flow takes it, and what its workflow is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from api.gateway import KeyedAct
from connectors.contract import CrmDeal
from models.flow import FlowDef
from models.values import Value


class Unclaimed(Exception):
    """No flow on offer takes the deal; the text says which were asked."""


@dataclass(frozen=True)
class NewDeal:
    """A deal as its source has it now."""

    deal: str
    source: str
    at: datetime
    by: str
    key: str
    title: str
    account: str
    owner: str
    flow: str | None = None
    own: FlowDef | None = None
    """What the deal already lives by, whether that is still on offer or not."""
    url: str = ""
    facts: dict[str, Value] = field(default_factory=dict)
    unset: tuple[str, ...] = ()


@dataclass(frozen=True)
class Begin:
    """What starts the workflow, and the first act it is handed in the same call."""

    given: BaseModel
    first: KeyedAct


class Intake(Protocol):
    """What the doors need to know about flows."""

    def begin(self, new: NewDeal) -> Begin:
        """Choose the flow. Raises Unclaimed."""

    def from_crm(self, record: CrmDeal, owners: Mapping[str, str], key: str, own: FlowDef | None = None) -> NewDeal:
        """Return what the CRM's record means for the deal, or for one that lives by its `own` definition.

        `owners` are person ids by mail address.
        """
