"""What an ending that stands where a step may does to the steps beside it."""

from __future__ import annotations

from models.asking import Ending
from models.money import Percent
from tests.models.flying import Flight, flow_of
from workflows.flows.facts import deal
from workflows.language import Approval, Parallel, Stage, When, days, lost, percent


def test_nothing_beside_an_ending_starts_in_the_turn_in_which_it_is_reached():
    stage = Stage(
        "quote",
        Parallel(
            When(deal.discount > percent(50), lost("too cheap")),
            Approval("legal", by="legal", within=days(2), escalate_to="cfo"),
        ),
        on_reject="quote",
    )
    flight = Flight(flow_of(stage), discount=Percent(value=60))
    assert flight.state.ending == Ending(outcome="lost", reason="too cheap")
    assert flight.is_("approval:legal") == "new"
    assert flight.state.ended
    assert "legal asked" not in flight.told().lower()
