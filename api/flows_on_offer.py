"""Which flow takes a new deal, and the workflow input and first act that carry what its source says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from activities.crm import facts_from_crm
from activities.documents import load_templates
from activities.template_specs import template_specs
from api.intake import Begin, Intake, NewDeal, Unclaimed
from connectors.contract import CrmDeal
from models.acts import Revise
from models.calls import Intake as Given
from models.facts import FactSpec, Source
from models.flow import FlowDef
from models.forms import FormError, coerce
from models.rules import Rates
from models.values import Text, Value, unwrap
from workflows.checks_codes import Finding
from workflows.library import COMPANY_CURRENCY, Library, NoFlow, load

OUTSIDE: Mapping[str, Source] = {"hubspot": Source.CRM, "crm": Source.CRM, "api": Source.CRM, "erp": Source.ERP}
"""Source of a deal -> who its facts count as written by; a source that is not named here counts as the CRM."""


@dataclass(frozen=True)
class Offer:
    """The flows of this process, as the doors need them."""

    library: Library
    rates: Rates = field(default_factory=lambda: COMPANY_CURRENCY)
    crm: str = "hubspot"

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks say about the flows, with what could not be loaded."""
        return tuple(self.library.check())

    def begin(self, new: NewDeal) -> Begin:
        """Choose the flow, or keep the deal's own. Raises Unclaimed, for a fact that cannot be taken as given too."""
        known = self._facts(new.own)
        strange = [path for path in new.facts if path not in known]
        if strange:
            raise Unclaimed(f"no flow on offer has a fact {strange[0]!r}; they have {', '.join(sorted(known))}")
        about = {"title": new.title, "account": new.account, "owner": new.owner}
        facts = {**{path: Text(v=text) for path, text in about.items() if text}, **new.facts}
        try:
            # Typed by all flows first: a rule that compares "35" with a percentage would decide nothing.
            typed = _typed(facts, known)
            flow = new.own or self.library.choose(typed, self.rates, new.flow)
            specs = {**known, **flow.facts}
            typed = _typed(facts, specs)
        except NoFlow as nobody:
            raise Unclaimed(str(nobody)) from nobody
        except FormError as wrong:
            raise Unclaimed(f"{wrong.field} cannot be taken as given: {wrong}") from wrong
        source = OUTSIDE.get(new.source, Source.CRM)
        first = Revise(
            key=new.key,
            by=new.by,
            channel=new.source,
            source="erp" if source is Source.ERP else "crm",
            at=new.at,
            facts={path: value for path, value in typed.items() if specs[path].source is source},
            unset=tuple(path for path in new.unset if path in specs and path not in typed),
        )
        return Begin(given=_given(flow, new), first=first)

    def from_crm(
        self, record: CrmDeal, owners: Mapping[str, str], key: str = "", own: FlowDef | None = None, **more: Any
    ) -> NewDeal:
        """Return what the CRM's record means for the deal; `owners` are person ids by mail address."""
        specs = self._facts(own)
        facts, unset = facts_from_crm(record, owners, specs, self.library.properties)
        known = {path: value for path, value in facts.items() if path in specs}
        told: dict[str, Any] = {
            "deal": f"deal/{self.crm}/{record.id}",
            "source": self.crm,
            "at": record.updated_at,
            "by": self.crm,
            "key": key or f"{self.crm}:{record.id}:{record.updated_at.isoformat()}",
            "title": record.name,
            "account": str(facts.get("account", "")),
            "owner": str(facts.get("owner", "")),
            "url": record.url or "",
            "facts": known,
            "unset": unset,
            "own": own,
        }
        return NewDeal(**{**told, **more})

    def _facts(self, own: FlowDef | None) -> Mapping[str, FactSpec]:
        return self.library.facts if own is None else own.facts


def on_offer(folders: Iterable[Path] = ()) -> Offer:
    """Return the flows of company folders and the shipped ones. Raises TemplateBroken for a broken template."""
    places = list(folders)
    templates = template_specs(load_templates([place / "templates" / "documents" for place in places]))
    return Offer(load(places, templates=templates))


def offer_of(intake: Intake) -> Offer:
    """Return the flows behind the doors; none for doors that were given another intake."""
    return intake if isinstance(intake, Offer) else Offer(Library())


def _given(flow: FlowDef, new: NewDeal) -> Given:
    _, _, life = new.deal.partition("~")
    return Given(flow=flow.travelling(), deal=new.deal, url=new.url, life=int(life) if life.isdigit() else 1)


def _typed(facts: Mapping[str, Value], specs: Mapping[str, FactSpec]) -> dict[str, Value]:
    """Return the facts these specs know, as the types they declare. Raises FormError."""
    return {path: _as(specs[path], value) for path, value in facts.items() if path in specs}


def _as(spec: FactSpec, value: Value) -> Value:
    if value.t == spec.type and (not spec.options or str(value) in spec.options):
        return value
    return coerce(spec, unwrap(value))
