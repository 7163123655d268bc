"""Business time against a slow oracle that walks minute by minute on the wall clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.calendars import UnknownCalendar, working
from models.calendar import (
    CalendarSpec,
    HorizonTooNear,
    Instants,
    Span,
    Working,
    add,
    between,
    business_days,
    business_hours,
    days,
    earlier,
    hours,
    instants,
    later,
    minutes,
    next_open,
)

OFFICE = (((time(9), time(12)), (time(13), time(17, 30))),) * 4 + (((time(9), time(15)),), (), ())
NIGHT = (((time(0), time(6)), (time(22), time(0))),) * 7
MINUTE = timedelta(minutes=1)

SPECS = [
    CalendarSpec(zone="America/New_York", country="US", week=OFFICE),
    CalendarSpec(zone="Europe/Berlin", country="DE", week=NIGHT),
    CalendarSpec(zone="Australia/Lord_Howe", country="AU", region="NSW", week=OFFICE),
    CalendarSpec(zone="Asia/Kolkata", country="IN", week=NIGHT),
    CalendarSpec(zone="Australia/Adelaide", days_off=(date(2026, 4, 6),), week=OFFICE),
]
# Two weeks around changes of the clocks, and around Easter Monday.
MOMENTS = [datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 10, 21, tzinfo=UTC)]


class WallClock:
    """What somebody with a watch and a wall calendar would count."""

    def __init__(self, spec: CalendarSpec) -> None:
        self.spec, self.zone = spec, ZoneInfo(spec.zone)
        self.off = set(spec.days_off)
        if spec.country:
            self.off |= set(holidays.country_holidays(spec.country, subdiv=spec.region, years=[2026]))

    def works(self, minute: datetime) -> bool:
        local = minute.astimezone(self.zone)
        if local.date() in self.off:
            return False
        now = local.time()
        return any(a <= now and (now < b or b == time(0)) for a, b in self.spec.week[local.weekday()])

    def between(self, a: datetime, b: datetime) -> int:
        return sum(self.works(a + i * MINUTE) for i in range(int((b - a) / MINUTE)))

    def later(self, start: datetime, count: int) -> datetime:
        while count:
            count -= self.works(start)
            start += MINUTE
        return start


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SPECS), st.sampled_from(MOMENTS), st.integers(0, 14 * 1440), st.integers(1, 40 * 60))
def test_adding_and_counting_agree_with_the_wall_clock(spec: CalendarSpec, base: datetime, offset: int, amount: int):
    calendar, oracle, start = working(spec, base, 60), WallClock(spec), base + offset * MINUTE
    reached = later(calendar, start, amount * MINUTE)
    assert reached == oracle.later(start, amount)
    assert between(calendar, start, reached) == amount * MINUTE
    assert between(calendar, start, start + amount * MINUTE) == oracle.between(start, start + amount * MINUTE) * MINUTE
    opens = next_open(calendar, start)
    assert opens >= start
    assert between(calendar, start, opens) == timedelta(0) != between(calendar, opens, opens + MINUTE)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SPECS), st.sampled_from(MOMENTS), st.integers(0, 14 * 1440), st.integers(1, 30))
def test_counting_back_is_the_mirror_of_counting_on(spec: CalendarSpec, base: datetime, offset: int, amount: int):
    calendar, end = working(spec, base - timedelta(days=40), 100), base + offset * MINUTE
    begin = earlier(calendar, end, business_hours(amount))
    assert between(calendar, begin, end) == timedelta(hours=amount)
    assert between(calendar, begin + MINUTE, end) < timedelta(hours=amount)


def test_a_monday_that_is_a_holiday_is_skipped():
    office = working(CalendarSpec(zone="America/New_York", country="US"), datetime(2026, 5, 20, tzinfo=UTC))
    friday = datetime(2026, 5, 22, 20, 0, tzinfo=UTC)  # Friday 16:00 in New York; Monday 25 May is Memorial Day
    assert add(office, friday, business_days(1)) == datetime(2026, 5, 26, 20, 0, tzinfo=UTC)
    assert add(office, friday, days(1)) == friday + timedelta(days=1)
    assert next_open(office, friday + timedelta(hours=2)) == datetime(2026, 5, 26, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "friday_noon", "expected"),
    [
        ("America/New_York", datetime(2026, 3, 6, 17, tzinfo=UTC), datetime(2026, 3, 9, 16, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 27, 11, tzinfo=UTC), datetime(2026, 3, 30, 10, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 2, 1, 30, tzinfo=UTC), datetime(2026, 10, 5, 1, 0, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 10, 2, 6, 30, tzinfo=UTC), datetime(2026, 10, 5, 6, 30, tzinfo=UTC)),
    ],
)
def test_one_working_day_from_friday_noon_is_monday_noon_across_a_change_of_the_clocks(
    zone: str, friday_noon: datetime, expected: datetime
):
    calendar = working(CalendarSpec(zone=zone), friday_noon)
    assert friday_noon.astimezone(ZoneInfo(zone)).hour == expected.astimezone(ZoneInfo(zone)).hour == 12
    assert add(calendar, friday_noon, business_days(1)) == expected


def test_the_nominal_day_is_the_most_common_one():
    assert working(SPECS[0], MOMENTS[0]).day == timedelta(hours=7, minutes=30)
    assert working(SPECS[1], MOMENTS[0]).day == timedelta(hours=8)


def test_beyond_the_horizon_it_says_so_and_does_not_guess():
    calendar = working(SPECS[0], MOMENTS[0], 10)
    with pytest.raises(HorizonTooNear, match="expand it further"):
        add(calendar, MOMENTS[0], business_days(30))
    with pytest.raises(HorizonTooNear):
        between(calendar, MOMENTS[0], MOMENTS[0] + timedelta(days=30))
    with pytest.raises(HorizonTooNear):
        between(calendar, MOMENTS[0] - timedelta(days=9), MOMENTS[0])
    with pytest.raises(HorizonTooNear):
        next_open(calendar, calendar.horizon)
    assert earlier(calendar, MOMENTS[0] + timedelta(days=2), business_days(30)) == calendar.start


def test_every_rung_has_the_whole_time_again_and_reminders_stop_before_due():
    calendar = working(CalendarSpec(zone="UTC"), MOMENTS[0])
    opened = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)  # a Wednesday
    found = instants(calendar, opened, business_days(2), rungs=2, remind_every=business_hours(4))
    assert found.due == datetime(2026, 3, 6, 10, 0, tzinfo=UTC)
    assert found.rungs == (datetime(2026, 3, 10, 10, 0, tzinfo=UTC), datetime(2026, 3, 12, 10, 0, tzinfo=UTC))
    assert [at.hour for at in found.reminders] == [14, 10, 14]
    assert instants(calendar, opened, days(2), remind_every=minutes(1)).reminders[-1] == opened + timedelta(hours=1)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SPECS), st.integers(0, 20 * 1440), st.integers(0, 5 * 1440), st.integers(0, 5 * 1440))
def test_a_stopped_clock_keeps_its_remaining_business_time(spec: CalendarSpec, open_at: int, stop: int, pause: int):
    calendar = working(spec, MOMENTS[1], 150)
    opened = MOMENTS[1] + open_at * MINUTE
    stopped_at, now = opened + stop * MINUTE, opened + (stop + pause) * MINUTE
    before = instants(calendar, opened, business_days(2), rungs=1, remind_every=business_days(1))
    after = instants(calendar, opened, business_days(2), 1, business_days(1), ((stopped_at, now),))
    for was, is_ in zip([before.due, *before.rungs], [after.due, *after.rungs], strict=True):
        if was <= stopped_at:
            assert is_ == was
        else:
            assert between(calendar, stopped_at, was) == between(calendar, now, is_)
    none = ((stopped_at, stopped_at),)
    assert instants(calendar, opened, business_days(2), 1, business_days(1), none) == before


def test_a_stopped_clock_of_plain_days_keeps_its_elapsed_time():
    calendar = working(CalendarSpec(zone="UTC"), MOMENTS[0])
    opened = datetime(2026, 3, 6, 16, 0, tzinfo=UTC)
    before = instants(calendar, opened, days(2))
    after = instants(calendar, opened, days(2), pauses=((opened + timedelta(hours=1), opened + timedelta(hours=11)),))
    assert after.due == before.due + timedelta(hours=10)


def test_calendars_and_instants_survive_a_round_trip():
    calendar = working(SPECS[2], MOMENTS[2], 90)
    again = Working.model_validate_json(calendar.model_dump_json())
    assert again == calendar
    found = instants(again, MOMENTS[2], business_days(1), 1, hours(3))
    assert Instants.model_validate_json(found.model_dump_json()) == found


def test_an_expansion_is_the_same_for_every_instant_of_a_day_and_a_spring_gap_is_no_time():
    skipped = CalendarSpec(zone="Europe/Berlin", week=(((time(2), time(3)),),) * 7)
    calendar = working(skipped, datetime(2026, 3, 28, tzinfo=UTC), 3)
    assert len(calendar.intervals) == 3
    assert working(skipped, datetime(2026, 3, 28, 9, tzinfo=UTC), 3) == calendar


@pytest.mark.parametrize("spec", [CalendarSpec(zone="Mars/Olympus"), CalendarSpec(zone="UTC", country="ZZ")])
def test_an_unknown_zone_or_country_says_what_to_write_instead(spec: CalendarSpec):
    with pytest.raises(UnknownCalendar, match="such as"):
        working(spec, MOMENTS[0])


@pytest.mark.parametrize(
    "week",
    [((),) * 7, (((time(9), time(17)),),) * 5, (((time(9), time(8)),), *((),) * 6)],
)
def test_a_week_nobody_could_work_is_refused(week):
    with pytest.raises(ValidationError):
        CalendarSpec(zone="UTC", week=week)


def test_an_instant_belongs_to_the_local_date_on_which_its_work_began():
    office = working(CalendarSpec(zone="Australia/Sydney"), datetime(2026, 11, 10, tzinfo=UTC), 30)
    monday_9 = datetime(2026, 11, 15, 22, tzinfo=UTC)
    assert office.date_of(monday_9) == date(2026, 11, 16)
    assert office.date_of(monday_9 + timedelta(hours=8)) == date(2026, 11, 16)
    assert office.date_of(monday_9 - timedelta(hours=1)) == date(2026, 11, 13)
    assert office.end_of(date(2026, 11, 15)) == datetime(2026, 11, 13, 6, tzinfo=UTC)
    assert office.end_of(date(2026, 11, 16)) == monday_9 + timedelta(hours=8)
    with pytest.raises(HorizonTooNear):
        office.end_of(date(2027, 11, 16))


def test_intervals_out_of_order_or_not_utc_are_refused():
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    with pytest.raises(ValidationError, match="in order"):
        Working(start=begin, horizon=end, intervals=((end, begin),), day=timedelta(hours=8), zone="UTC")
    berlin = begin.astimezone(ZoneInfo("Europe/Berlin"))
    with pytest.raises(ValidationError, match="UTC"):
        Working(start=berlin, horizon=end, intervals=(), day=timedelta(hours=8), zone="Europe/Berlin")


def test_spans_read_as_people_say_them():
    assert [str(s) for s in (business_days(2), business_days(1), days(1), hours(3))] == [
        "2 business days",
        "1 business day",
        "1 day",
        "3 hours",
    ]
    assert Span.model_validate_json('{"n":2,"unit":"business days"}') == business_days(2)
