"""A deal on its way in: which flow takes it, and what its workflow is started with."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from activities.crm import facts_from_crm
from activities.documents import load_templates
from activities.template_specs import template_specs
from api.gateway import KeyedAct
from connectors.contract import CrmDeal
from models.acts import Revise
from models.calls import Intake as Given
from models.values import Text, Value
from workflows.library import Library, NoFlow, load

log = logging.getLogger(__name__)


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

    def from_crm(self, record: CrmDeal, owners: Mapping[str, str], key: str) -> NewDeal:
        """Return what the CRM's record means for the deal; `owners` are person ids by mail address."""


class LibraryIntake:
    """The flows on offer: those that are shipped and those of the company's folders."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @classmethod
    def of(cls, folders: Sequence[Path]) -> LibraryIntake:
        """Load the flows and templates; what is broken is left out, `throughline flow check` says what."""
        templates = load_templates([folder / "templates" / "documents" for folder in folders])
        library = load(folders, templates=template_specs(templates))
        for finding in library.findings:
            log.warning("%s:%s: %s; %s", finding.file, finding.line, finding.what, finding.remedy)
        return cls(library)

    def begin(self, new: NewDeal) -> Begin:
        told = {"title": new.title, "account": new.account, "owner": new.owner}
        facts = {**{name: Text(v=text) for name, text in told.items() if text}, **new.facts}
        try:
            flow = self._library.choose(facts, name=new.flow)
        except NoFlow as nobody:
            raise Unclaimed(str(nobody)) from nobody
        first = Revise(
            key=new.key, by=new.by, source="crm", at=new.at, facts=facts, unset=new.unset, channel=new.source
        )
        return Begin(Given(flow=flow, deal=new.deal, url=new.url), first)

    def from_crm(self, record: CrmDeal, owners: Mapping[str, str], key: str) -> NewDeal:
        read = facts_from_crm(record, owners, self._library.facts, self._library.properties)
        return NewDeal(
            deal=f"deal/hubspot/{record.id}",
            source="hubspot",
            at=record.updated_at,
            by="hubspot",
            key=key,
            title=record.name,
            account=record.company.name if record.company else "",
            owner="",
            url=record.url or "",
            facts=read.facts,
            unset=read.unset,
        )
