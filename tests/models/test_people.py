"""Who is asked as people come and go, and when their time is up: exact instants in several zones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.calendars import working
from models import acts
from models.asking import Role
from models.calendar import CalendarSpec, Span, business_days, business_hours, hours
from models.outcomes import Need
from models.people import BusinessTime
from models.values import Text, Whole
from tests.models.oracle import Wall
from tests.models.staffed import STAFF, Person, Staffed, company_flow, deal
from workflows.language import (
    APPROVE,
    EXPIRE,
    Approval,
    Parallel,
    Stage,
    group,
    lost,
    managers,
    owner,
    person,
    pick,
    row,
    table,
    usd,
)
from workflows.language import business_days as business_days_

A = "approval:a"
DAY = timedelta(days=1)


def one(**more):
    words = {"by": "finance", "within": business_days_(2), "escalate_to": "cfo", "on_reject": "one"}
    return Stage("one", Approval("a", **(words | more)))


def flown(*stages, **more):
    facts = {"owner": Text(v="dana"), "amount": usd(40_000), "discount": Whole(v=1), "margin": Whole(v=1)}
    return Staffed(company_flow(*stages), **(facts | more))


def revise(flight, by="crm", **facts):
    source = "crm" if by == "crm" else "person"
    return flight.do(acts.Revise(key=flight.key(), by=by, source=source, at=flight.now, facts=facts))


# ---- who (C4) -------------------------------------------------------------------------------------------------------

ROWS = table(
    "who",
    row("cfo", when=deal.amount > usd(100_000)),
    row([person("hiro"), "legal"], when=deal.amount > usd(50_000), since=date(2026, 11, 1)),
    row(managers(1)),
    match="first",
)


@pytest.mark.parametrize(
    ("by", "facts", "expected"),
    [
        ("finance", {}, {"role:finance": ["noor", "omar"]}),
        (group("security", 2), {}, {"role:security": ["hiro", "sofia"]}),
        (managers(1), {}, {"managers:1": ["vera"]}),
        ([managers(1), managers(2)], {}, {"managers:1": ["vera"], "managers:2": ["carl"]}),
        (owner(deal.expert), {"expert": Text(v="hiro")}, {"fact:expert": ["hiro"]}),
        (person("sofia"), {}, {"person:sofia": ["sofia"]}),
        (ROWS, {}, {"managers:1": ["vera"]}),
        (ROWS, {"amount": usd(60_000)}, {"person:hiro": ["hiro"], "role:legal": ["hanna"]}),
        (ROWS, {"amount": usd(200_000)}, {"role:cfo": ["daniel"]}),
        (pick("cfo", when=deal.discount > 3, otherwise="finance"), {"discount": Whole(v=4)}, {"role:cfo": ["daniel"]}),
    ],
)
def test_a_request_asks_whom_the_flow_means_for_this_deal(by, facts, expected):
    assert flown(one(by=by), **facts).asked(A) == expected


def test_a_deal_keeps_the_rows_of_the_day_it_first_looked_into_a_table():
    by = table("who", row("cfo", until=date(2026, 11, 3)), row("legal", since=date(2026, 11, 4)), match="first")
    flight = flown(one(by=by))
    flight.wait(days=5)
    revise(flight, discount=Whole(v=2))
    assert flight.asked(A) == {"role:cfo": ["daniel"]}


def test_who_is_asked_follows_the_organisation_and_the_facts_while_a_request_is_open():
    flight = flown(one(by=[managers(1), owner(deal.expert)]), expert=Text(v="hiro"))
    flight.changed(replace(flight.people["dana"], manager="hanna"))
    assert flight.asked(A) == {"managers:1": ["hanna"], "fact:expert": ["hiro"]}
    revise(flight, owner=Text(v="hanna"), expert=Text(v="sofia"))
    assert flight.asked(A) == {"managers:1": ["vera"], "fact:expert": ["sofia"]}
    assert flight.refused(flight.decision("hiro", A)).code == "not_yours"


def test_a_person_who_gets_the_role_is_asked_and_one_who_loses_it_is_not():
    flight = flown(one())
    flight.changed(replace(flight.people["noor"], roles=()), Person("ines", ("finance",)))
    assert flight.asked(A) == {"role:finance": ["ines", "omar"]}


# ---- nobody there (C5, C7) ------------------------------------------------------------------------------------------


def test_nobody_there_asks_the_fallback_and_says_why():
    flight = flown(one(by="pricing", fallback="legal"))
    assert flight.asked(A) == {"role:pricing": ["hanna"]}
    assert "too few can answer for pricing, so hanna is asked as the fallback" in flight.told()


def test_a_vacant_manager_asks_the_ladder_early():
    flight = flown(one(by=managers(1)), people=[replace(p, manager=None) for p in STAFF])
    assert flight.asked(A) == {"managers:1": ["daniel"]}
    assert "so daniel is asked early" in flight.told()


def test_nobody_at_all_is_an_incident_of_the_owner_and_somebody_new_opens_it_again():
    people = [p for p in STAFF if "cfo" not in p.roles]
    flight = flown(one(by="pricing"), people=people)
    assert (flight.is_(A), flight.kinds()) == ("incident", ["incident"])
    assert flight.waits()[0].waiting_on == ("dana",)
    assert "too few active people may answer for pricing" in flight.incident(A)
    flight.changed(Person("ines", ("pricing",)))
    assert (flight.is_(A), flight.incident(A), flight.waiting_on(A)) == ("open", "", ["ines"])
    flight.answer("ines", A)
    assert flight.state.ending.outcome == "won"


def test_sales_operations_put_somebody_where_nobody_was():
    flight = flown(one(by="pricing"), people=[p for p in STAFF if "cfo" not in p.roles])
    given = {"key": "r", "step": A, "round": 1, "reason": "nobody has the role yet"}
    assert flight.refused(acts.Reassign(by="hiro", to="omar", **given)).code == "not_yours"
    flight.do(acts.Reassign(by="marco", to="omar", **given))
    assert (flight.is_(A), flight.asked(A)) == ("open", {"role:pricing": ["omar"]})


def test_the_only_person_left_may_not_approve_their_own_deal_so_somebody_else_is_found():
    flight = flown(one(by="finance"), people=[p for p in STAFF if p.id != "omar"], owner=Text(v="noor"))
    assert flight.waiting_on(A) == ["daniel"]
    assert flight.refused(flight.decision("noor", A)).code == "not_allowed"


def test_who_leaves_is_no_longer_asked_and_what_they_said_is_untouched():
    flight = flown(one(by=["finance", "legal"], escalate_to=["cfo", managers(1)]))
    flight.answer("noor", A)
    before = [entry.model_dump_json() for entry in flight.state.outbox]
    flight.leaves("noor")
    flight.leaves("hanna")
    assert [entry.model_dump_json() for entry in flight.state.outbox][: len(before)] == before
    assert flight.waiting_on(A) == ["daniel", "vera"], "the ladder, since nobody of legal is left"
    flight.answer("vera", A)
    assert flight.state.ending.outcome == "won"
    assert [d.person for d in flight.state.record(A).decisions] == ["noor", "vera"]


def test_whoever_leaves_no_request_is_left_without_anybody():
    for gone in STAFF:
        flight = flown(one(by=["finance", "legal", managers(1)]))
        flight.leaves(gone.id)
        assert flight.waiting_on(A), gone.id


# ---- in order (C2) --------------------------------------------------------------------------------------------------


def step(name, **more):
    words = {"by": "finance", "within": business_days_(2), "escalate_to": "cfo", "on_reject": "one"}
    return Approval(name, **(words | more))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((step("a"), step("b"), step("c")), ["a", "b", "c"]),
        ((Parallel(step("a"), step("b"), step("c")),), ["abc"]),
        ((step("a"), Parallel(step("b"), step("c"))), ["a", "bc"]),
        ((Parallel(step("a"), step("b")), step("c")), ["ab", "c"]),
        ((Parallel((step("a"), step("c")), step("b")),), ["ab", "bc"]),
        ((step("a"), step("b", when=deal.discount > 5), step("c")), ["a", "c"]),
    ],
    ids=["in a row", "together", "fan out", "join", "two lanes", "one skipped"],
)
def test_steps_are_asked_in_the_order_of_their_shape(shape, expected):
    flight = flown(Stage("one", *shape))
    waves = []
    while not flight.state.ended:
        opened = [s for s, r in flight.state.records.items() if r.state.value == "open"]
        waves.append("".join(sorted(each.removeprefix("approval:") for each in opened)))
        flight.answer("noor", opened[0])
    after = [wave for before, wave in pairwise(["", *waves]) if not set(wave) <= set(before)]
    assert after == expected


@pytest.mark.parametrize(
    ("repeat", "answers"),
    [("ask", ["noor", "noor", "hanna", "noor"]), ("if consecutive", ["noor", "hanna", "noor"])],
)
def test_the_same_person_twice_in_a_row_is_asked_once_only_where_the_rule_says_so(repeat, answers):
    c = step("c", by="legal", repeat=repeat)
    stage = Stage("one", step("a", repeat=repeat), step("b", repeat=repeat), c, step("d", repeat=repeat))
    flight, given = flown(stage), []
    while not flight.state.ended:
        asked = next(s for s, r in flight.state.records.items() if r.state.value == "open")
        who = "hanna" if asked == "approval:c" else "noor"
        flight.answer(who, asked)
        given.append(who)
    assert given == answers
    taken = [entry for entry in flight.state.outbox if entry.kind == "taken over"]
    assert [entry.step for entry in taken] == (["approval:b"] if repeat == "if consecutive" else [])


def test_whoever_submitted_before_may_answer_again_once_somebody_else_submits():
    steps = step("a"), step("b", by="legal", escalate_to="treasury")
    flight = flown(Stage("one", Parallel(*steps)), owner=Text(v="hanna"))
    assert "incident" in flight.kinds(), "nobody but the owner could answer b"
    flight.answer("noor", A, "reject", reason="too cheap")
    flight.do(acts.Resubmit(key=flight.key(), by="hanna"))
    revise(flight, owner=Text(v="dana"))
    assert flight.is_("approval:b") == "incident", "hanna submitted what she would approve"
    flight.answer("noor", A, "reject", reason="still too cheap")
    flight.do(acts.Resubmit(key=flight.key(), by="dana"))
    assert flight.waiting_on("approval:b") == ["hanna"]


def test_a_no_is_final_once_a_yes_elsewhere_leaves_too_few():
    second = step("b", by=group("security", need=2), not_same_as=["a"])
    people = (*STAFF, Person("sven", ("security", "finance")))
    flight = flown(Stage("one", Parallel(step("a"), second)), people=people)
    flight.answer("hiro", "approval:b", "reject", reason="no")
    assert flight.is_("approval:b") == "open", "sofia and sven could still agree"
    flight.answer("sven", A)
    assert flight.kinds() == ["revise"]


# ---- what a change takes away (C14, C15) ----------------------------------------------------------------------------

CHANGES = {"discount": (2, 0), "margin": (0, 2), "priority": ("high", "low")}
"""Per fact a worse and a better value than the one signed; of priority any other is worse."""


@pytest.mark.parametrize("covered", [(), ("discount",), ("margin",), ("discount", "margin"), ("priority",)])
@pytest.mark.parametrize("fact", sorted(CHANGES))
@pytest.mark.parametrize("worse", [True, False])
def test_a_change_is_asked_again_exactly_where_somebody_signed_something_better(covered, fact, worse):
    stage = Stage("one", step("a", covers=[getattr(deal, each) for each in covered]), step("b", by="legal"))
    flight = flown(stage, priority=Text(v="normal"))
    flight.answer("noor", A)
    value = CHANGES[fact][0 if worse else 1]
    revise(flight, **{fact: Text(v=value) if isinstance(value, str) else Whole(v=value)})
    again = fact in covered and (worse or fact == "priority")
    assert flight.is_(A) == ("open" if again else "settled")
    assert (flight.waiting_on(A) == ["noor", "omar"]) is again


def test_a_yes_that_counts_again_is_not_given_anew():
    flight = flown(one(by=group("finance", need=2), covers=[deal.discount, deal.margin]))
    flight.answer("noor", A)
    revise(flight, discount=Whole(v=0), margin=Whole(v=0))
    flight.answer("noor", A)
    revise(flight, discount=Whole(v=1), margin=Whole(v=1))
    assert flight.waiting_on(A) == ["omar"], "what noor signed first is what is offered now"
    assert flight.refused(flight.decision("noor", A)).code == "already_answered"


# ---- when (C8, C9) --------------------------------------------------------------------------------------------------

OFFICE = (((time(9), time(17)),),) * 5 + ((), ())
NEW_YORK = CalendarSpec(zone="America/New_York", country="US", week=OFFICE)
BERLIN = CalendarSpec(zone="Europe/Berlin", week=OFFICE)
ADELAIDE = CalendarSpec(zone="Australia/Adelaide", country="AU", region="SA", week=OFFICE)
KOLKATA = CalendarSpec(zone="Asia/Kolkata", week=OFFICE)


def utc(*at):
    return datetime(2026, *at, tzinfo=UTC)


def need(opened, within, *, rungs=0, every=None, pauses=(), hours="company"):
    return Need(step=A, parties=(Role(role="x"),), rungs=((Role(role="y"),),) * rungs, within=within,
                remind_every=every, opened=opened, pauses=pauses, hours=hours)  # fmt: skip


@pytest.mark.parametrize(
    ("calendar", "opened", "within", "due"),
    [
        # Friday 16:00 in New York; on Sunday the clocks go forward, and Monday 10:00 is an hour earlier in UTC.
        (NEW_YORK, utc(3, 6, 21), business_hours(2), utc(3, 9, 14)),
        (NEW_YORK, utc(10, 30, 20), business_hours(2), utc(11, 2, 15)),
        (NEW_YORK, utc(3, 6, 21), hours(48), utc(3, 8, 21)),
        # Memorial Day is the Monday between.
        (NEW_YORK, utc(5, 22, 20), business_days(1), utc(5, 26, 20)),
        (BERLIN, utc(3, 27, 15), business_hours(2), utc(3, 30, 8)),
        (BERLIN, utc(10, 23, 14), business_hours(2), utc(10, 26, 9)),
        # Half-hour zones. In Adelaide Easter lies between, and the clocks go back on its Sunday.
        (ADELAIDE, utc(4, 2, 5, 30), business_hours(2), utc(4, 7, 0, 30)),
        # There a Sunday of spring and the Monday of Labour Day.
        (ADELAIDE, utc(10, 2, 6, 30), business_hours(2), utc(10, 5, 23, 30)),
        (KOLKATA, utc(3, 6, 11), business_hours(1), utc(3, 9, 4)),
        (KOLKATA, utc(3, 7, 11), business_hours(1), utc(3, 9, 4, 30)),
    ],
)
def test_a_request_is_due_to_the_minute_across_changes_of_the_clocks_and_holidays(calendar, opened, within, due):
    found = BusinessTime(calendar, working).instants(need(opened, within))
    assert found.due == due == Wall.of(calendar).after(opened, within)


def test_leave_in_the_middle_does_not_count_for_whoever_is_asked_alone():
    clock = BusinessTime(NEW_YORK, working)
    berlin_leave = (
        (datetime.fromisoformat("2026-03-31T00:00+02:00"), datetime.fromisoformat("2026-04-02T00:00+02:00")),
    )
    wanted = need(utc(3, 30, 8), business_days(2), hours="person")
    [alone] = [clock.instants(wanted, [[(BERLIN, berlin_leave)]])]
    assert alone.due == utc(4, 3, 8)  # 7 h on Monday, Thursday, and one on Friday
    both = clock.instants(wanted, [[(BERLIN, berlin_leave), (BERLIN, ())]])
    assert both.due == utc(4, 1, 8)  # the other one of the role has had the time
    parties = clock.instants(wanted, [[(BERLIN, berlin_leave)], [(KOLKATA, ())]])
    assert parties.due == alone.due  # every party has to have had it


def test_each_rung_has_the_time_again_in_its_own_zone():
    clock = BusinessTime(BERLIN, working)
    wanted = need(utc(3, 27, 8), business_hours(8), rungs=2, hours="person")
    found = clock.instants(wanted, [[(BERLIN, ())]], [[(KOLKATA, ())], [(NEW_YORK, ())]])
    assert (found.due, found.rungs) == (utc(3, 27, 16), (utc(3, 30, 11, 30), utc(3, 30, 21)))


def test_reminders_are_counted_in_the_hours_of_whoever_is_asked():
    found = BusinessTime(NEW_YORK, working).instants(need(utc(3, 6, 15), business_days(2), every=business_hours(5)))
    assert found.reminders == (utc(3, 6, 20), utc(3, 9, 16), utc(3, 9, 21))


def test_a_pause_leaves_the_rest_of_the_time_wherever_it_lies():
    clock, opened = BusinessTime(NEW_YORK, working), utc(3, 6, 15)  # Friday 10:00
    pauses = ((utc(3, 6, 17), utc(3, 9, 17)),)  # from Friday noon until Monday 13:00
    assert clock.instants(need(opened, business_days(1), pauses=pauses)).due == utc(3, 10, 15)
    assert clock.instants(need(opened, hours(24), pauses=pauses)).due == utc(3, 10, 15)


ZONES = [NEW_YORK, BERLIN, ADELAIDE, KOLKATA]
SPANS = st.one_of(st.builds(business_hours, st.integers(1, 30)), st.builds(business_days, st.integers(1, 4)),
                  st.builds(hours, st.integers(1, 90)))  # fmt: skip
WALLS = {spec: Wall.of(spec) for spec in ZONES}
TIMES = {spec: BusinessTime(spec, working) for spec in ZONES}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 20 * 1440), SPANS, st.integers(0, 4000), st.integers(0, 4000))
def test_every_clock_equals_somebody_who_counts_minutes(calendar, minute, within: Span, stop, still):
    opened = utc(3, 20) + timedelta(minutes=minute)
    stopped = opened + timedelta(minutes=stop)
    pauses = ((stopped, stopped + timedelta(minutes=still)),)
    found = TIMES[calendar].instants(need(opened, within, rungs=1, pauses=pauses))
    wall = WALLS[calendar]
    due = wall.after(opened, within, pauses)
    assert (found.due, found.rungs) == (due, (wall.after(due, within, pauses),))


def test_a_high_priority_has_four_business_hours_and_silence_follows_the_facts():
    urgent = deal.priority.is_("high")
    stage = one(
        within=pick(business_hours(4), when=urgent, otherwise=business_days(2)),
        on_silence=pick(EXPIRE, when=urgent, otherwise=APPROVE), escalate_to=(), on_expire=lost("too late"),
    )  # fmt: skip
    high = flown(stage, clock=BusinessTime(NEW_YORK, working), start=utc(3, 6, 20), priority=Text(v="high"))
    assert high.clock_of(A).due == utc(3, 9, 15)
    high.wait(days=3)
    assert str(high.state.ending) == "lost: too late"
    low = flown(stage, clock=BusinessTime(NEW_YORK, working), start=utc(3, 6, 20), priority=Text(v="low"))
    assert low.clock_of(A).due == utc(3, 10, 19)
    low.wait(days=5)
    assert low.state.record(A).decisions[0].by_silence


def test_a_ladder_climbs_to_the_minute_and_only_once():
    flight = flown(one(within=business_hours(4), escalate_to=("cfo", managers(1)), remind_every=business_hours(3)),
                   clock=BusinessTime(NEW_YORK, working), start=utc(3, 6, 20))  # fmt: skip
    flight.wait(days=10)
    kinds = ("reminder", "escalated", "overdue")
    told = [(entry.kind, entry.at) for entry in flight.state.outbox if entry.kind in kinds]
    assert told == [
        ("reminder", utc(3, 9, 14)), ("escalated", utc(3, 9, 15)), ("escalated", utc(3, 9, 19)),
        ("overdue", utc(3, 10, 15)),
    ]  # fmt: skip


def test_taking_an_answer_back_leaves_the_clock_as_it_was():
    flight = flown(one(by=["finance", "legal"]))
    flight.do(acts.AskInformation(key="q", by="noor", step=A, round=1, question="why?"))
    flight.wait(days=3)
    flight.do(acts.GiveInformation(key="g", by="dana", step=A, round=1, answer="because"))
    due = flight.clock_of(A).due
    flight.answer("noor", A)
    flight.answer("hanna", A, "reject", reason="no")
    flight.do(acts.Undo(key="u", by="hanna", step=A, round=1))
    assert (flight.is_(A), flight.clock_of(A).due) == ("open", due)
    assert flight.state.sent_back.get("one", 0) == 0
