from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpul.worktime import Calendar, CalendarError, Living, read, span

WIB = ZoneInfo("Asia/Jakarta")
SHIPPED = read()


def at(day, hour=9, minute=0):
    return datetime(2026, *day, hour, minute, tzinfo=WIB)


@pytest.mark.parametrize(
    ("start", "text", "over"),
    [
        (at((3, 2)), "1 working day", at((3, 3), 16)),  # Monday: over when Tuesday closes
        (at((3, 6)), "1 working day", at((3, 9), 16)),  # Friday to Monday
        (at((3, 7)), "1 working day", at((3, 9), 16)),  # Saturday counts for nothing
        (at((3, 18)), "1 working day", at((3, 20), 16)),  # Nyepi on the 19th
        (at((3, 18)), "3 working days", at((3, 24), 16)),  # then a weekend that is Idulfitri, too
        (at((3, 2), 15), "2 working hours", at((3, 3), 9)),
        (at((3, 2), 20), "2 working hours", at((3, 3), 10)),
        (at((3, 6), 15, 30), "1 working hour", at((3, 9), 8, 30)),
        (at((3, 6)), "2 days", at((3, 8))),
        (at((3, 6)), "2 hours", at((3, 6), 11)),
        (at((3, 6)), "30 minutes", at((3, 6), 9, 30)),
    ],
)
def test_when_a_span_is_over(start, text, over):
    assert SHIPPED.after(start, text) == over


def test_moments_keep_the_zone_they_came_in():
    assert SHIPPED.after(datetime(2026, 3, 2, 2, tzinfo=UTC), "1 working day").tzinfo is UTC


@pytest.mark.parametrize("text", ["", "soon", "3 days ", "0 days", "-1 days", "3 workdays", "three days", "1.5 hours"])
def test_a_text_that_is_no_span_is_refused_with_what_to_write(text):
    if text == "3 days ":
        assert span(text).number == 3
        return
    with pytest.raises(CalendarError, match="working days"):
        span(text)


def test_working_time_between_two_moments():
    assert SHIPPED.worked(at((3, 6), 15), at((3, 9), 9)) == timedelta(hours=2)
    assert SHIPPED.worked(at((3, 7)), at((3, 8))) == timedelta()
    assert SHIPPED.worked(at((3, 2), 6), at((3, 2), 20)) == timedelta(hours=8)
    assert SHIPPED.worked(at((3, 2), 12), at((3, 2), 10)) == timedelta()


MOMENTS = st.integers(0, 300 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=WIB) + timedelta(minutes=minutes)
)


@given(MOMENTS, st.integers(1, 40))
def test_so_many_working_hours_hold_so_much_working_time(start, hours):
    over = SHIPPED.after(start, f"{hours} working hours")
    assert SHIPPED.worked(start, over) == timedelta(hours=hours)


@given(MOMENTS, st.integers(1, 20))
def test_working_days_end_on_a_working_day_and_hold_so_many(start, days):
    over = SHIPPED.after(start, f"{days} working days")
    first = start.date() + timedelta(days=1)
    between = [first + timedelta(days=n) for n in range((over.date() - first).days + 1)]
    assert SHIPPED.works(over.date())
    assert sum(map(SHIPPED.works, between)) == days


def test_a_calendar_that_cannot_be_read_says_where(tmp_path):
    path = tmp_path / "calendar.toml"
    for text, said in {
        'zone = "Asia/Jakarta"\n[hours]\nsenin = { opens = 08:00:00, closes = 16:00:00 }': "senin",
        'zone = "Asia/Jakarta"\n[hours]\nmonday = { opens = 17:00:00, closes = 16:00:00 }': "closes before it opens",
        'zone = "Mars/Olympus"\n[hours]\nmonday = { opens = 08:00:00, closes = 16:00:00 }': "Mars/Olympus",
        'zone = "Asia/Jakarta"\n[hours]\n': "office hours",
        "zone =": "no calendar",
    }.items():
        path.write_text(text)
        with pytest.raises(CalendarError, match=said):
            read(path)


def test_a_calendar_of_ones_own():
    calendar = Calendar(WIB, {5: (time(9), time(12))}, {date(2026, 3, 7): "Hari jadi"})
    assert calendar.after(at((3, 2)), "1 working day") == at((3, 14), 12)


def test_an_edit_of_the_file_counts_at_once_and_one_that_cannot_be_read_does_not(tmp_path):
    path = tmp_path / "calendar.toml"
    hours = 'zone = "Asia/Jakarta"\n[hours]\nmonday = { opens = 08:00:00, closes = 16:00:00 }\n'
    path.write_text(hours)
    calendar = Living(path)
    before = calendar.now()
    assert calendar.after(at((3, 2)), "1 working day") == at((3, 9), 16)
    path.write_text(hours + '[holidays]\n2026-03-09 = "Hari jadi"\n')
    assert calendar.after(at((3, 2)), "1 working day") == at((3, 16), 16)
    assert calendar.now().digest != before.digest
    path.write_text("zone =")
    assert calendar.after(at((3, 2)), "1 working day") == at((3, 16), 16)
