"""Facts change as revisions: in order of their source, once, and each by its own writer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models import acts
from models.asking import Ending
from models.deal import DealState, Status
from models.deeds import carry_out
from models.facts import FactSpec
from models.flow import FlowDef, RenderDef, StageDef
from models.pinned import TemplateSpec
from models.refusals import refusal
from models.values import Text, Whole

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def state():
    specs = {
        "terms": FactSpec(path="terms", type="whole", source="crm"),
        "price": FactSpec(path="price", type="whole", source="step"),
    }
    return DealState(
        flow=FlowDef(name="empty", version=1, stages=(), facts=specs), deal="deal/hubspot/1", opened_at=NOW
    )


def revise(state, *, at=NOW, source="crm", by="crm", facts=None, unset=()):
    act = acts.Revise(key=str(len(state.answered)), by=by, source=source, at=at, facts=facts or {}, unset=unset)
    assert refusal(state, act) is None
    return carry_out(state, act, NOW)[0].outcome


def test_an_older_revision_of_the_same_source_is_dropped(state):
    assert revise(state, facts={"terms": Whole(v=30)}) == "applied"
    assert revise(state, at=NOW - timedelta(minutes=1), facts={"terms": Whole(v=60)}) == "dropped"
    assert state.facts["terms"] == Whole(v=30)


def test_an_echo_changes_nothing_and_is_no_revision(state):
    revise(state, facts={"terms": Whole(v=30)})
    assert revise(state, at=NOW + timedelta(minutes=1), facts={"terms": Whole(v=30)}) == "same"
    assert state.revision == 1


def test_the_crm_does_not_write_what_a_step_works_out(state):
    assert revise(state, facts={"price": Whole(v=1)}) == "same"


def test_an_empty_field_in_the_crm_does_not_wipe_what_a_person_filled_in(state):
    revise(state, source="person", by="dana", facts={"terms": Whole(v=45)})
    assert revise(state, at=NOW + timedelta(minutes=1), unset=("terms",)) == "same"
    assert state.facts["terms"] == Whole(v=45)
    assert revise(state, at=NOW + timedelta(minutes=2), facts={"terms": Whole(v=30)}) == "applied"
    assert revise(state, at=NOW + timedelta(minutes=3), unset=("terms",)) == "applied"
    assert "terms" not in state.facts


def test_a_person_is_told_what_a_fact_may_hold(state):
    wrong = acts.Revise(key="w", by="dana", source="person", at=NOW, facts={"terms": Text(v="soon")})
    assert refusal(state, wrong).message == "terms is a whole, not a text"
    derived = acts.Revise(key="d", by="dana", source="person", at=NOW, facts={"price": Whole(v=3)})
    assert refusal(state, derived).code == "not_allowed"


def test_a_change_after_the_end_is_kept_in_the_journal_only(state):

    state.ending, state.ended = Ending(outcome="won"), True
    assert revise(state, facts={"terms": Whole(v=30)}) == "late"
    assert state.late == 1
    assert "terms" not in state.facts


def test_more_than_twenty_redoing_revisions_in_a_day_put_the_deal_on_hold(state):

    render = RenderDef(name="sow", document="sow", template="sow")
    flow = FlowDef(name="f", version=1, stages=(StageDef(name="s", nodes=(render,)),), facts=state.flow.facts,
                   templates={"sow": TemplateSpec(title="SOW", variables=("terms",))})  # fmt: skip
    deal = DealState(flow=flow, deal="deal/hubspot/2", opened_at=NOW)
    for i in range(25):
        record = deal.touch("render:sow")
        record.state, record.read = Status.SETTLED, {k: v for k, v in deal.facts.items() if k == "terms"}
        revise(deal, at=NOW + timedelta(minutes=i), facts={"terms": Whole(v=i)})
    assert deal.hold is not None
    assert "changes in 24 hours" in deal.hold.reason
