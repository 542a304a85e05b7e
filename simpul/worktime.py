"""Working time: what "3 working days" means under office hours and national holidays. Pure; no clock of its own.

Service standards and deadlines run on it (UU 25/2009 on public services; the days are those of the joint decree on national
holidays). The calendar is a file that an operator can edit: `simpul/calendar.toml`, or SIMPUL_CALENDAR_FILE.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

SHIPPED = Path(__file__).with_name("calendar.toml")

_SPAN = re.compile(r"(\d{1,4}) (working day|working hour|day|hour|minute)s?")
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class CalendarError(ValueError):
    """A calendar or a span that cannot be read; the message says where and what to write instead."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time as a service standard puts it.

    Attributes:
        unit: `working day`, `working hour`, `day`, `hour` or `minute`.
    """

    number: int
    unit: str


def span(text: str) -> Span:
    """A span from its text: `3 working days`, `4 working hours`, `60 days`, `2 hours`, `30 minutes`.

    Raises:
        CalendarError: It is none.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise CalendarError(
            f"{text!r} is no span: write a number and working days, working hours, days, hours or minutes"
        )
    return Span(int(found[1]), found[2])


class _Hours(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    opens: time
    closes: time


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str
    hours: dict[str, _Hours]
    holidays: dict[date, str] = Field(default_factory=dict)


class Calendar:
    """Office hours and holidays of an installation.

    Args:
        zone: The offices' time zone.
        hours: Opening and closing by weekday, Monday 0; a day that is not there is off.
        holidays: Days off, with their names.
    """

    def __init__(self, zone: ZoneInfo, hours: dict[int, tuple[time, time]], holidays: dict[date, str]) -> None:
        if not hours:
            raise CalendarError("a calendar needs office hours on one day of the week at least")
        self.zone = zone
        self.hours = hours
        self.holidays = holidays
        facts = f"{zone.key} {sorted(hours.items())} {sorted(holidays)}"
        self.digest = hashlib.sha256(facts.encode()).hexdigest()[:16]
        """Of what it says about time: two calendars with the same digest count alike."""

    def works(self, day: date) -> bool:
        """Whether offices are open on a day."""
        return day.weekday() in self.hours and day not in self.holidays

    def after(self, start: datetime, text: str) -> datetime:
        """When a span that begins at a moment is over.

        So many working days are over at the closing hour of the last of them, the day of the beginning not counted (UU
        30/2014 art. 1; days are counted from the day after). Working hours run while offices are open. Days, hours and
        minutes run always.

        Raises:
            CalendarError: The text is no span.
        """
        length = span(text)
        if length.unit == "working day":
            return self._after_days(start, length.number)
        if length.unit == "working hour":
            return self.after_work(start, timedelta(hours=length.number))
        return start + timedelta(**{f"{length.unit}s": length.number})

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two moments."""
        total = timedelta()
        for opens, closes in self._open(start, end):
            total += max(timedelta(), min(closes, end) - max(opens, start))
        return total

    def after_work(self, start: datetime, left: timedelta) -> datetime:
        """When so much working time, counted from a moment, is over."""
        for opens, closes in self._open(start, None):
            begins = max(opens, start)
            if begins + left <= closes:
                return (begins + left).astimezone(start.tzinfo)
            left -= max(timedelta(), closes - begins)
        raise CalendarError("the calendar has no working time left")

    def _after_days(self, start: datetime, number: int) -> datetime:
        day = start.astimezone(self.zone).date()
        left = number
        while left:
            day += timedelta(days=1)
            left -= self.works(day)
        return self._hours(day)[1].astimezone(start.tzinfo)

    def _open(self, start: datetime, end: datetime | None) -> Iterator[tuple[datetime, datetime]]:
        """Opening and closing moments from a moment on, those that are over left out."""
        day = start.astimezone(self.zone).date()
        last = end.astimezone(self.zone).date() if end else date.max
        while day <= last:
            if self.works(day):
                opens, closes = self._hours(day)
                if closes > start:
                    yield opens, closes
            day += timedelta(days=1)

    def _hours(self, day: date) -> tuple[datetime, datetime]:
        opens, closes = self.hours[day.weekday()]
        return datetime.combine(day, opens, self.zone), datetime.combine(day, closes, self.zone)


class Living(Calendar):
    """The calendar that a file holds now. While an edit of it cannot be read, what it held before counts on.

    Raises:
        CalendarError: It cannot be read at the beginning.
    """

    def __init__(self, path: Path = SHIPPED) -> None:
        self._path = path
        self._kept = read(path)
        self._wrong = ""
        super().__init__(self._kept.zone, self._kept.hours, self._kept.holidays)

    def now(self) -> Calendar:
        """The calendar as it is at this moment; it does not change any more."""
        try:
            self._kept, self._wrong = read(self._path), ""
        except CalendarError as error:
            self._say(error)
        return self._kept

    def _say(self, error: CalendarError) -> None:
        """Once for each mistake, not with every question."""
        if self._wrong != str(error):
            from simpul import telemetry  # noqa: PLC0415 - workflows import this module, and nothing is wrong there

            telemetry.logger(__name__).error("the calendar cannot be read; it counts as it was before", error=error)
            self._wrong = str(error)

    def works(self, day: date) -> bool:
        """As the calendar now says."""
        return self.now().works(day)

    def after(self, start: datetime, text: str) -> datetime:
        """As the calendar now says."""
        return self.now().after(start, text)

    def after_work(self, start: datetime, left: timedelta) -> datetime:
        """As the calendar now says."""
        return self.now().after_work(start, left)

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """As the calendar now says."""
        return self.now().worked(start, end)


@cache
def living(path: Path = SHIPPED) -> Living:
    """The one living calendar that a process has of a file."""
    return Living(path)


def read(path: Path = SHIPPED) -> Calendar:
    """A calendar from its TOML file, as the file is now: an operator's edit counts from the next reading.

    Raises:
        CalendarError: It cannot be read; the message names the file and what is wrong in it.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise CalendarError(f"{path} is no calendar: {error}") from None
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, _size: int) -> Calendar:
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
        file = _File.model_validate(plain)
        unknown = sorted(set(file.hours) - set(_WEEK))
        if unknown:
            raise CalendarError(
                f"{path}: hours: {', '.join(unknown)}: write the weekdays in English, {', '.join(_WEEK)}"
            )
        hours = {_WEEK.index(name): (each.opens, each.closes) for name, each in file.hours.items()}
        if wrong := [_WEEK[day] for day, (opens, closes) in hours.items() if opens >= closes]:
            raise CalendarError(f"{path}: hours: {', '.join(wrong)}: closes before it opens")
        return Calendar(ZoneInfo(file.zone), hours, file.holidays)
    except CalendarError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise CalendarError(f"{path} is no calendar: {error}") from None
