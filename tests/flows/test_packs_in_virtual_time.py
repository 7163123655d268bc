"""Every line of business through the real workflows, from the CRM's first word to an onboarding that is laid out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models import acts
from models.calls import ActionCall, Intake
from models.deal import DealState, Receipt
from models.flow import FlowDef
from models.progress import Wait, explain
from models.values import Digest, Text, Value, fingerprint
from tests.flows.packs import CLOCK, SIGNER, STAFF, T0, Pack, packs
from workflows.deal import DealLifecycle
from workflows.onboarding import Onboarding
from workflows.rehearsal.engine import VirtualTime
from workflows.rehearsal.office import Office

DEAL, ONBOARDING = "deal/hubspot/5012345", "onboarding/hubspot/5012345"


class Flight:
    """One deal of a pack; everybody says yes a day after being asked, the CRM reports what is waited for."""

    def __init__(self, of: Pack) -> None:
        self.pack, self.keys = of, 0
        self.office = Office(STAFF, CLOCK, self._outputs)
        self.time = VirtualTime(self.office, start=T0, workflows=[DealLifecycle, Onboarding], seed=7)
        self.run = self.time.start(DealLifecycle, Intake(flow=of.flow.travelling(), deal=DEAL), DEAL)
        self._revise(dict(of.facts))

    def fly(self) -> None:
        for _ in range(500):
            tomorrow = self.time.now + timedelta(days=1)
            self.time.at(tomorrow, lambda: None)
            self.time.run(tomorrow)
            if self.run.ended:
                return
            for act in self._yes(self.run.object.state):
                self.time.update(DEAL, "act", act, Receipt)
                break
        raise AssertionError([wait.reason for wait in explain(self.run.object.state)])

    def _yes(self, state: DealState) -> Iterator[acts.Act]:
        for wait in explain(state):
            if wait.step in self.pack.arrives:
                yield self._revision(self.pack.arrives[wait.step])
            elif wait.kind in ("approval", "handoff", "task", "signature"):
                yield self._answer(state, wait)

    def _answer(self, state: DealState, wait: Wait) -> acts.Act:
        assert wait.step is not None
        self.keys += 1
        form = dict(self.pack.forms.get(wait.step, {}))
        about = {"key": f"k{self.keys}", "by": wait.waiting_on[0], "step": wait.step, "round": wait.round}
        if wait.kind == "signature":
            asked = next(value for value in state.record(wait.step).read.values() if isinstance(value, Digest))
            return acts.Sign(**about, document=asked.sha256, signer=SIGNER)
        if wait.kind == "task":
            return acts.Complete(**about, form=form)
        verdict = "accept" if wait.kind == "handoff" else "approve"
        return acts.Decide(**about, edition=wait.edition, verdict=verdict, form=form)

    def _revise(self, facts: dict[str, Value]) -> None:
        self.time.update(DEAL, "act", self._revision(facts), Receipt)

    def _revision(self, facts: object) -> acts.Revise:
        self.keys += 1
        return acts.Revise(key=f"crm{self.keys}", by="hubspot", source="crm", at=self.time.now, facts=facts)

    def _outputs(self, call: ActionCall, flow: FlowDef) -> dict[str, Value]:
        made = fingerprint(call.inputs)

        def of(path: str) -> Value:
            digest = flow.facts[path].type == "digest"
            return self.pack.step_facts.get(path) or (Digest(sha256=made, label=path) if digest else Text(v="1"))

        return {path: of(path) for path in flow.actions[call.action].outputs}


@pytest.mark.parametrize("each", packs(), ids=lambda each: each.name)
def test_a_deal_flies_from_the_crm_to_its_onboarding_in_virtual_time(each: Pack) -> None:
    flight = Flight(each)
    flight.fly()
    assert str(flight.run.object.state.ending) == "won"
    assert all(done == ["do"] for done in flight.office.effects.values()), "nothing was done outside twice"
    assert len(flight.office.effects) == 2
    flight.time.run(flight.time.now + timedelta(hours=1))
    assert flight.office.onboardings[ONBOARDING].onboarding.tasks_total > 5
    flight.time.close()
