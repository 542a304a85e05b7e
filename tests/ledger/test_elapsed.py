"""Whose time was it: the parts always add up to the whole, and each part is whom it should be charged to."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from simpul.ledger.elapsed import Away, Rules, outages, split
from simpul.ledger.events import Event
from simpul.worktime import read

# Monday 2026-03-02 08:00 in Jakarta
OPENS = datetime(2026, 3, 2, 1, tzinfo=UTC)
CALENDAR = read()
RULES = Rules()


def at(hours: float) -> datetime:
    return OPENS + timedelta(hours=hours)


def event(hours, action, step=None, **more):
    detail = more.pop("detail", {})
    return Event(at=at(hours), actor="test", action=action, application="1", step=step, detail=detail, **more)


def filed(hours=0):
    return event(hours, "application.received", state="runnable")


def hours(elapsed):
    return [
        (each.owner, (each.since - OPENS) / timedelta(hours=1), (each.until - OPENS) / timedelta(hours=1), each.counts)
        for each in elapsed.intervals
    ]


STORY = [
    filed(),
    event(1, "application.claimed", state="in_wave"),
    event(1, "step.entered", "deed"),
    event(1, "step.requested", "deed", agency="dukcapil"),
    event(
        4,
        "step.done",
        "deed",
        agency="dukcapil",
        detail={"received_at": at(1.5).isoformat(), "answered_at": at(3.5).isoformat()},
    ),
    event(4, "step.entered", "check"),
    event(4, "task.opened", "check", detail={"for": "permits"}),
    event(4, "application.waiting", "check", state="waiting", detail={"for": "officer:permits"}),
    event(5, "task.returned", "check"),
    event(7, "task.supplied", "check"),
    event(8, "step.done", "check"),
    event(8, "application.runnable", state="runnable"),
    event(9, "application.waiting", "payment", state="waiting", detail={"for": "payment"}),
    event(24, "application.runnable", state="runnable"),
    event(25, "application.completed", state="completed"),
]


def test_every_moment_belongs_to_whom_it_was_up_to():
    assert hours(split(STORY, RULES, until=at(99))) == [
        ("bus", 0, 1.5, True),
        ("agency:dukcapil", 1.5, 3.5, True),
        ("bus", 3.5, 4, True),
        ("officer", 4, 5, True),
        ("citizen", 5, 7, False),
        ("officer", 7, 8, True),
        ("bus", 8, 9, True),
        ("payment", 9, 24, False),
        ("bus", 24, 25, True),
    ]


def test_nights_are_wall_time_and_no_working_time():
    parts = split(STORY, RULES, until=at(99)).by_owner(CALENDAR)
    # from 17:00 to 08:00 of the next day
    assert parts["payment"] == (timedelta(hours=15), timedelta())
    assert parts["agency:dukcapil"] == (timedelta(hours=2), timedelta(hours=2))


def test_an_agency_that_cannot_be_reached_is_an_outage_and_our_own_wrong_set_up_is_ours():
    asked = [*STORY[:4], event(30, "application.waiting", "deed", state="waiting", detail={"for": "agency:dukcapil"})]
    away = outages(
        [
            event(2, "agency.unreachable", agency="dukcapil"),
            event(3, "agency.reachable", agency="dukcapil"),
            event(3, "agency.unreachable", agency="simponi"),
            event(4, "agency.stopped", agency="dukcapil"),
            event(5, "agency.resumed", agency="dukcapil"),
            event(6, "agency.unreachable", agency="dukcapil"),
        ]
    )
    assert hours(split(asked, RULES, until=at(40), away=away)) == [
        ("bus", 0, 1, True),
        ("agency:dukcapil", 1, 2, True),
        ("outage", 2, 3, True),
        ("agency:dukcapil", 3, 4, True),
        ("bus", 4, 5, True),
        ("agency:dukcapil", 5, 6, True),
        ("outage", 6, 40, True),
    ]
    assert not split(asked, Rules(stops=frozenset({"outage"})), until=at(40), away=away).intervals[-1].counts


def test_while_one_of_ours_works_the_citizen_does_not_hold_it_up():
    story = [
        filed(),
        event(1, "task.opened", "papers", detail={"for": "citizen"}),
        event(1, "task.opened", "check", detail={"for": "permits"}),
        event(1, "application.waiting", "papers", state="waiting", detail={"for": "citizen"}),
        event(3, "step.done", "check"),
    ]
    assert hours(split(story, RULES, until=at(5)))[1:] == [("officer", 1, 3, True), ("citizen", 3, 5, False)]


def test_who_must_mend_a_failed_step_has_the_time():
    def failed(owner):
        detail = {"failure": {"owner": owner}}
        story = [
            *STORY[:4],
            event(2, "step.failed", "deed", agency="dukcapil", detail=detail),
            event(2, "application.incident", "deed", state="incident"),
        ]
        return split(story, RULES, until=at(3)).owner

    assert [failed(owner) for owner in ("us", "agency", "network", "citizen")] == [
        "bus",
        "agency:dukcapil",
        "outage",
        "citizen",
    ]


def test_steps_stop_the_clock_let_it_run_and_start_it_again():
    rules = Rules(clock={"stopped": "stop", "resumed": "run", "restarted": "restart"})
    story = [filed(), event(1, "step.done", "stopped"), event(3, "step.done", "resumed")]
    assert hours(split(story, rules, until=at(4))) == [("bus", 0, 1, True), ("bus", 1, 3, False), ("bus", 3, 4, True)]
    again = split([*story[:2], event(3, "step.done", "restarted")], rules, until=at(4))
    assert (again.began, again.stopped) == (at(3), False)


def test_a_rerun_ends_what_was_asked():
    story = [*STORY[:4], event(2, "application.rerun", detail={"steps": ["deed"], "revisions": {"deed": 2}})]
    assert split(story, RULES, until=at(3)).owner == "bus"


def test_a_step_that_goes_over_to_another_version_is_asked_on_under_its_new_name():
    story = [
        filed(),
        event(1, "task.opened", "check", detail={"for": "permits"}),
        event(1, "application.waiting", "check", state="waiting", detail={"for": "officer:permits"}),
        event(2, "application.migrated", detail={"mapped": {"check": "review"}, "steps": [], "revisions": {}}),
        event(4, "step.done", "review"),
        event(4, "application.runnable", state="runnable"),
    ]
    assert hours(split(story, RULES, until=at(5)))[1:] == [("officer", 1, 4, True), ("bus", 4, 5, True)]


ACTIONS = st.sampled_from(
    [
        ("step.entered", None, {}),
        ("step.requested", None, {}),
        ("step.pending", None, {"received_at": at(3).isoformat(), "answered_at": at(2).isoformat()}),
        ("step.failed", None, {"failure": {"owner": "network"}}),
        ("step.done", None, {"received_at": at(70).isoformat(), "answered_at": at(90).isoformat()}),
        ("task.opened", None, {"for": "citizen"}),
        ("task.opened", None, {"for": "permits"}),
        ("task.returned", None, {}),
        ("task.supplied", None, {}),
        ("application.runnable", "runnable", {}),
        ("application.claimed", "in_wave", {}),
        ("application.waiting", "waiting", {"for": "payment"}),
        ("application.waiting", "waiting", {"for": "agency:dukcapil"}),
        ("application.incident", "incident", {}),
        ("application.rerun", None, {"steps": ["a"]}),
        ("application.completed", "completed", {}),
    ]
)
EVENTS = st.lists(
    st.builds(
        lambda hour, told, step: event(hour, told[0], step, agency="dukcapil", state=told[1], detail=told[2]),
        st.integers(-50, 150),
        ACTIONS,
        st.sampled_from(["a", "b", None]),
    ),
    max_size=25,
)
AWAY = st.lists(
    st.builds(
        lambda since, length: Away("dukcapil", "outage", at(since), at(since + length)),
        st.integers(-50, 150),
        st.integers(0, 50),
    ),
    max_size=4,
)


@given(EVENTS, AWAY, st.integers(-60, 200))
def test_the_parts_add_up_to_the_whole_in_whatever_order_events_come(events, away, until):
    rules = Rules(clock={"a": "stop", "b": "restart"})
    elapsed = split(events, rules, until=at(until), away=away)
    assert elapsed.since <= elapsed.began <= elapsed.until
    edges = [elapsed.since, *(each.until for each in elapsed.intervals)]
    assert edges == [*(each.since for each in elapsed.intervals), elapsed.until]
    assert all(each.since < each.until for each in elapsed.intervals)
    parts = elapsed.by_owner(CALENDAR).values()
    assert sum((wall for wall, _ in parts), timedelta()) == elapsed.until - elapsed.since
    assert sum((worked for _, worked in parts), timedelta()) == CALENDAR.worked(elapsed.since, elapsed.until)
