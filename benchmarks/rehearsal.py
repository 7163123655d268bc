"""Virtual time beside the SDK's Replayer on the same kind of deal, and rules beside the same Python expression."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from activities.calendars import working
from cli.local.places import CLONE
from models import acts
from models.calendar import CalendarSpec
from models.calls import ActionCall, Intake
from models.deal import Receipt
from models.flow import FlowDef
from models.given import assumed
from models.money import percent, usd
from models.people import BusinessTime, Directory
from models.progress import explain
from models.rules import holds
from models.values import Day, Digest, Items, Text, Value, Whole, fingerprint
from workflows.deal import DealLifecycle
from workflows.flows.facts import deal as facts
from workflows.onboarding import Onboarding
from workflows.plugin import plugin
from workflows.rehearsal.doors import act_of
from workflows.rehearsal.engine import VirtualTime
from workflows.rehearsal.office import Office
from workflows.rehearsal.outside import Refused

HISTORY = CLONE / "tests" / "histories" / "DealLifecycle" / "won.json"
START = datetime(2026, 11, 2, 15, tzinfo=UTC)
CLOCK = BusinessTime(CalendarSpec(zone="America/Chicago", country="US"), working)
RATES = {"USD": Decimal(1)}


@dataclass(frozen=True)
class Somebody:
    """A person of the company."""

    id: str
    roles: tuple[str, ...]
    manager: str | None = None
    active: bool = True


STAFF = Directory([
    Somebody("dana", ("account_executive",), "vera"), Somebody("joel", ("deal_desk",)), Somebody("noor", ("finance",)),
    Somebody("vera", ("vp_sales", "ceo", "general_counsel")), Somebody("daniel", ("cfo", "delivery_head")),
    Somebody("hanna", ("legal",)), Somebody("hiro", ("security",)), Somebody("sofia", ("security", "ciso")),
    Somebody("marco", ("delivery_manager",)), Somebody("iris", ("sales_ops",)),
])  # fmt: skip
FACTS: dict[str, Value] = {
    "title": Text(v="Corvane Logistics, managed services"), "account": Text(v="Corvane Logistics"),
    "owner": Text(v="dana"), "signatory": Text(v="Ada Corvane <ada@corvane.example>"), "lines": Items(items=()),
    "discount": percent(35), "payment_days": Whole(v=30), "data_class": Text(v="internal"),
    "goals": Text(v="one partner for everything"), "close_date": Day(v=datetime(2026, 12, 1, tzinfo=UTC).date()),
}  # fmt: skip


def flow_of_the_history() -> FlowDef:
    """Return the definition the recorded deal carries."""
    history = WorkflowHistory.from_json("won", HISTORY.read_text("utf-8"))
    given = history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data
    return Intake.model_validate_json(given).flow


def fly(flow: FlowDef, number: int) -> str:
    """Fly one deal to its end, everybody answering an hour after being asked; return how it ended."""
    deal, asked = f"deal/hubspot/{number}", set[tuple[str, int, str]]()
    office = Office(STAFF, CLOCK, _outputs)
    clock = VirtualTime(office, start=START, workflows=[DealLifecycle, Onboarding], seed=number)

    def look() -> None:
        for wait in explain(run.object.state) if not run.ended else ():
            for person in wait.waiting_on if wait.acts else ():
                if (wait.id, wait.edition, person) not in asked:
                    asked.add((wait.id, wait.edition, person))
                    clock.at(clock.now + timedelta(hours=1), lambda w=wait, p=person: answer(w, p))  # type: ignore[misc]

    def answer(wait: Any, person: str) -> None:
        if run.ended:
            return
        act = act_of(run.object.state, wait, wait.acts[0], by=person, key=f"{wait.id}{person}", now=clock.now,
                     supply=lambda path: assumed(flow, flow.facts[path]))  # fmt: skip
        with contextlib.suppress(Refused):  # somebody else was faster
            clock.update(deal, "act", act, Receipt)

    office.recorded = lambda chain: clock.at(clock.now, look) if chain == deal else None
    arrival = acts.Revise(key="first", by="crm", source="crm", at=START, facts=FACTS)
    run = clock.start(DealLifecycle, Intake(flow=flow, deal=deal), deal, ("act", arrival))
    clock.run(START + timedelta(days=60), lambda: run.ended)
    clock.close()
    return str(run.result)


def _outputs(call: ActionCall, flow: FlowDef) -> dict[str, Value]:
    known: dict[str, Value] = {"amount": usd(500_000), "margin": percent(20)}
    digest = Digest(sha256=fingerprint(call.inputs), label="made")
    outputs = flow.actions[call.action].outputs
    return {p: known.get(p) or (digest if flow.facts[p].type == "digest" else Text(v="1")) for p in outputs}


def virtual_time(rounds: int = 5, deals: int = 20) -> dict[str, Any]:
    """Return deals per CPU second in virtual time and by the Replayer, taken by turns in one process."""
    flow = flow_of_the_history()
    if fly(flow, 0) != "won":
        raise RuntimeError("the deal is not won in virtual time")
    text = HISTORY.read_text("utf-8")
    loop = asyncio.new_event_loop()
    replayer = Replayer(workflows=[], plugins=[plugin()])

    def replay() -> None:
        async def histories() -> Any:
            for i in range(deals):
                yield WorkflowHistory.from_json(f"won-{i}", text)

        async def all_of_them() -> None:
            await replayer.replay_workflows(histories(), raise_on_replay_failure=True)

        loop.run_until_complete(all_of_them())

    pairs = []
    for _ in range(rounds):
        ours = _cpu(lambda: [fly(flow, i) for i in range(deals)])
        pairs.append((deals / ours, deals / _cpu(replay)))
    loop.close()
    return {
        "name": "virtual deals a second / Replayer on the same deal",
        "ours": statistics.median(a for a, _ in pairs),
        "peer": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(a / b for a, b in pairs),
        "goal": 12.0,
    }


def rules(rounds: int = 5, times: int = 20_000) -> dict[str, Any]:
    """Return seconds for evaluating a rule and for the same Python expression over the same values."""
    rule = (facts.discount > percent(30)) | (facts.margin < percent(22))
    known: dict[str, Value] = {"discount": percent(25), "margin": percent(28)}
    discount, margin, most, least = known["discount"], known["margin"], percent(30), percent(22)

    def expression() -> bool:
        return discount.value > most.value or margin.value < least.value  # type: ignore[union-attr]

    pairs = [
        (
            _cpu(lambda: [holds(rule, known, RATES) for _ in range(times)]),
            _cpu(lambda: [expression() for _ in range(times)]),
        )
        for _ in range(rounds)
    ]
    return {
        "name": "rule evaluation / the same Python expression",
        "ours": statistics.median(a for a, _ in pairs) / times,
        "floor": statistics.median(b for _, b in pairs) / times,
        "ratio": statistics.median(a / b for a, b in pairs),
        "goal": 10.0,
    }


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rehearsal", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    flown = virtual_time(rounds)
    print(
        f"{flown['name']}: {flown['ours']:.0f} / {flown['peer']:.0f} = {flown['ratio']:.1f} (goal {flown['goal']:.0f})"
    )
    ruled = rules(rounds)
    micro = 1_000_000
    print(
        f"{ruled['name']}: {ruled['ours'] * micro:.2f} µs / {ruled['floor'] * micro:.2f} µs = {ruled['ratio']:.1f}"
        f" (goal {ruled['goal']:.0f})"
    )


if __name__ == "__main__":
    sys.exit(main())
