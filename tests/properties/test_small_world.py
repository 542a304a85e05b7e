"""Whatever happens to a few applications, in whatever order: nobody is lost, nothing happens twice, every wait ends.

Hypothesis plays everyone at once, over the real ledger, engine, gateways and projector (see `small_world`): citizens,
officers, operators, agencies that are down, refuse, or lose answers, and whoever pulls the plug between two transactions.
After every step events and tables must tell the same; at the end all is left alone until it is quiet, operators take the
ways out that they are offered, and every application must have ended.

`make test` plays the same few examples each time. `HYPOTHESIS_PROFILE=deep .venv/bin/pytest tests/properties` plays new
ones, as many as `SIMPUL_EXAMPLES` says; a failure is found again with the seed that pytest prints (`--hypothesis-seed`).
That the machine sees a broken ledger is what the last test is for.
"""

import logging
import os
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from simpul.bus.topics import OUTCOMES, requests_topic
from simpul.engine.recovery import Recovery
from simpul.engine.requests import our_reference
from simpul.ledger import bulk, events, incidents, reruns, transaction, transitions
from simpul.ledger.cases import CLOSED
from simpul.ledger.events import Event
from simpul.ledger.incidents import CannotResolveError, Resolution
from simpul.ledger.reruns import CannotRerunError
from simpul.ledger.story import rebuild
from simpul.ledger.tasks import NoSuchTaskError
from simpul.ledger.transitions import ClosedError
from tests.properties.small_world import AGENCIES, DUTIES, PARTITIONS, SMALL, WRITES, SmallWorld

OPERATION = {step.name: step.operation.partition(".")[2] for step in SMALL.steps}
MOODS = ("yes", "yes", "no", "down", "lost", "doubt", "slow", "garbled", "refused")
SPANS = {"second": {"seconds": 1}, "lease": {"seconds": 31}, "hours": {"hours": 3}, "days": {"days": 4}}
NAMES = [step.name for step in SMALL.steps]

which = st.integers(0, 5)
dies = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 6])
partitions = st.integers(0, PARTITIONS - 1)
agencies = st.sampled_from(AGENCIES)
whos = st.sampled_from([0, 0, 1])
forms = st.fixed_dictionaries(
    {
        "nik": st.sampled_from(["1", "2"]),
        "note": st.sampled_from(["a", "b"]),
        "paper": st.booleans(),
        "child": st.booleans(),
    }
)


_ALL = text("""
SELECT (SELECT coalesce(json_agg(a), '[]') FROM application a) AS applications,
       (SELECT coalesce(json_agg(e ORDER BY sequence), '[]') FROM event e WHERE application IS NOT NULL) AS events,
       (SELECT coalesce(json_agg(o), '[]') FROM outcome o) AS outcomes,
       (SELECT coalesce(json_agg(s), '[]') FROM step_run s) AS runs,
       (SELECT coalesce(json_agg(i), '[]') FROM incident i WHERE resolved_at IS NULL AND application IS NOT NULL) AS called
""")
_COUNTS = text("""
SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM attempt), (SELECT coalesce(sum(tries), 0) FROM attempt),
       (SELECT count(*) FROM attempt WHERE state = 'answered'), (SELECT count(*) FROM wave WHERE ended_at IS NULL)
""")


def _moments(row: dict[str, Any]) -> dict[str, Any]:
    """A row that came as JSON, with its moments as such."""
    found = {name: row[name] for name in ("at", "until", "closed_at") if row.get(name)}
    return {**row, **{name: datetime.fromisoformat(value) for name, value in found.items()}}


def any_of(**acts: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """One of these methods, with what it is called with."""
    return st.one_of(*(st.tuples(st.just(name), st.fixed_dictionaries(takes)) for name, takes in acts.items()))


GOES_ON = rule(
    rounds=st.integers(2, 10),
    moods=st.lists(st.sampled_from(MOODS), max_size=6),
    people=st.sampled_from(["answer and pay", "answer and pay", "answer", "wait"]),
)
TOPICS = [OUTCOMES, *(requests_topic(agency) for agency in AGENCIES)]
BY_ONE = any_of(
    engine={"duty": st.sampled_from(DUTIES), "dies": dies},
    trigger={"index": which, "step": st.integers(0, 9), "patience": st.sampled_from(["some", "none"]), "dies": dies},
    receive={"agency": agencies, "who": whos, "partition": partitions, "most": st.integers(1, 3), "dies": dies},
    call={"agency": agencies, "who": whos, "mood": st.sampled_from(MOODS), "dies": dies},
    gateway={"agency": agencies, "who": whos, "what": st.sampled_from(["settle", "tick"]), "dies": dies},
    project={"partition": partitions, "most": st.integers(1, 4), "dies": dies},
)
TROUBLE = any_of(
    outage={"agency": agencies},
    recover={"agency": agencies},
    airflow={"index": which, "how": st.sampled_from(["failed", "vanished", "away", "back", "mumbles"])},
    kill={"agency": agencies, "who": whos},
    again={"topic": st.sampled_from(TOPICS), "message": st.integers(0, 30)},
    turn={"span": st.sampled_from(list(SPANS))},
)
CITIZENS = any_of(
    submit={"form": forms, "key": st.sampled_from(["k1", "k2", "k3", "k4"]), "dies": dies},
    withdraw={"index": which, "really": st.sampled_from(["no", "no", "yes"])},
    amend={"index": which, "form": forms},
    decide={
        "index": which,
        "step": st.sampled_from(["check", "paper"]),
        "choice": st.sampled_from(["yes", "yes", "return", "reject"]),
    },
    pay={"index": which, "pushed": st.sampled_from(["once", "twice", "never", "untrue"])},
)
OPERATORS = any_of(
    rerun={"index": which, "step": st.sampled_from(NAMES), "how": st.sampled_from(["dry", "plain", "force"])},
    resolve={
        "index": st.integers(0, 20),
        "do": st.sampled_from(["retry", "look_up", "reject", "withdraw", "note", "force"]),
    },
    resume={"agency": agencies},
)


class Everyone(RuleBasedStateMachine):
    """Citizens, officers, operators, agencies, and whoever pulls the plug."""

    world: ClassVar[SmallWorld]
    seen: ClassVar[Counter[str]] = Counter()
    """Actions that happened, over all examples."""

    def __init__(self) -> None:
        super().__init__()
        self.world.reset()
        self.numbers: list[str] = []
        self.by_key: dict[str, tuple[str, dict[str, Any]]] = {}
        self.outcomes: dict[tuple[str, str, int], dict[str, Any]] = {}
        self.ended: dict[str, tuple[Any, ...]] = {}
        self.forced: Counter[tuple[str, str]] = Counter()
        self.pushes = 0
        self.failed = False

    @initialize(these=st.lists(forms, min_size=1, max_size=2))
    def some(self, these: list[dict[str, Any]]) -> None:
        """Some are there from the beginning."""
        for place, form in enumerate(these):
            self.submit_one(form, f"k{place + 1}")

    def number(self, index: int) -> str:
        return self.numbers[index % len(self.numbers)]

    # Citizens.

    def submit(self, form: dict[str, Any], key: str, dies: int) -> None:
        """A counter that does not hear the number sends the same again."""
        if len(self.numbers) < 4 or key in self.by_key:
            self.submit_one(form, key, dies)

    def submit_one(self, form: dict[str, Any], key: str, dies: int = 0) -> None:
        known = self.by_key.get(key)
        if known:
            form = known[1]
        number = self.world.file(form, key, dies) or self.world.file(form, key)
        assert number is not None
        if known:
            assert number == known[0]
        else:
            assert number not in self.numbers
            self.by_key[key] = (number, form)
            self.numbers.append(number)

    def withdraw(self, index: int, really: str) -> None:
        if really == "no":
            return
        with transaction(self.world.db) as connection, suppress(ClosedError):
            transitions.request_withdrawal(connection, self.number(index), actor="citizen", now=self.world.now)

    def amend(self, index: int, form: dict[str, Any]) -> None:
        with suppress(ClosedError):
            self.world.amend(self.number(index), form)

    def decide(self, index: int, step: str, choice: str) -> None:
        with suppress(NoSuchTaskError):
            self.world.decide(self.number(index), step, choice)

    def pay(self, index: int, pushed: str) -> None:
        """A bill is paid, in time or late; SIMPONI tells us, or does not, or says so of one that it then denies."""
        bills = list(self.world.office.bills)
        code = bills[index % len(bills)] if bills else f"code{index}"
        if pushed != "untrue":
            self.world.office.paid.add(code)
        for _ in range({"never": 0, "twice": 2}.get(pushed, 1)):
            self.pushes += 1
            self.world.push(code, f"s{self.pushes}")

    # Agencies and machines.

    def outage(self, agency: str) -> None:
        self.world.office.away.add(agency)

    def recover(self, agency: str) -> None:
        self.world.office.away.discard(agency)

    def engine(self, duty: str, dies: int) -> None:
        self.world.work(duty, dies)

    def trigger(self, index: int, step: int, patience: str, dies: int) -> None:
        """One task of a run; of one that has ended, too: a triggerer may come late."""
        runs = list(self.world.airflow.runs.items())
        if runs:
            wave, run = runs[index % len(runs)]
            ready = run.ready() or list(SMALL.steps)
            self.world.drive(run, wave, ready[step % len(ready)].name, patience=patience == "some", dies=dies)

    def airflow(self, index: int, how: str) -> None:
        airflow = self.world.airflow
        runs = list(airflow.runs.items())
        if how in ("away", "back"):
            airflow.away = how == "away"
        elif how == "mumbles":
            airflow.mumbles = not airflow.mumbles
        elif runs and how == "failed":
            runs[index % len(runs)][1].state = "failed"
        elif runs:
            airflow.runs.pop(runs[index % len(runs)][0])

    def receive(self, agency: str, who: int, partition: int, most: int, dies: int) -> None:
        self.world.gateway(agency, who, "receive", dies, partition=partition, most=most)

    def call(self, agency: str, who: int, mood: str, dies: int) -> None:
        if self.world.can_call(agency, who):
            self.world.office.mood = mood
            self.world.gateway(agency, who, "call", dies)
            self.world.office.mood = "yes"

    def gateway(self, agency: str, who: int, what: str, dies: int) -> None:
        self.world.gateway(agency, who, what, dies)

    def kill(self, agency: str, who: int) -> None:
        self.world.kill_gateway(agency, who)

    def project(self, partition: int, most: int, dies: int) -> None:
        self.world.project(partition, most, dies)

    def again(self, topic: str, message: int) -> None:
        """Something that was on the bus comes once more, late."""
        self.world.bus.repeat(topic, message)

    def turn(self, span: str) -> None:
        self.world.turn(timedelta(**SPANS[span]))

    def all_goes_on(self, rounds: int, moods: list[str], people: str) -> None:
        """Everybody does what there is to do, a few times over."""
        left = list(moods)
        for _ in range(rounds):
            self.round(left)
            if people != "wait":
                self.people_answer()
            if people == "answer and pay":
                self.everybody_pays()
            self.world.turn(timedelta(seconds=1))

    # Operators.

    def rerun(self, index: int, step: str, how: str) -> None:
        number = self.number(index)
        world = self.world
        before = self.happened()
        touched = {each: self.reference(number, each) for each in WRITES}
        try:
            with transaction(world.db) as connection:
                if how == "dry":
                    reruns.plan(connection, number, step)
                else:
                    reruns.rerun(
                        connection, number, step, reason="r", force=how == "force", actor="user:op", now=world.now
                    )
        except CannotRerunError:
            return
        if how == "dry":
            assert self.happened() == before
        if how == "plain":
            world.turn(timedelta(seconds=5))  # a slow call has landed by now
            for each, reference in touched.items():
                if reference != self.reference(number, each):
                    assert not world.office.writes[OPERATION[each], reference], f"{each} would be written again unasked"

    def resolve(self, index: int, do: str) -> None:
        with transaction(self.world.db) as connection:
            found = incidents.listing(connection)
        if found:
            self.settle_incident(found[index % len(found)], do)

    def resume(self, agency: str) -> None:
        self.world.gateways[agency, 0]._attempts.resume(actor="user:op", now=self.world.now)

    # All that, mixed: half of it is that everybody goes on, or nobody would come far.

    goes_on = GOES_ON(all_goes_on)
    goes_on_again = GOES_ON(all_goes_on)
    and_on = GOES_ON(all_goes_on)
    and_on_again = GOES_ON(all_goes_on)

    @rule(act=BY_ONE)
    def one_acts(self, act: tuple[str, dict[str, Any]]) -> None:
        getattr(self, act[0])(**act[1])

    @rule(act=TROUBLE)
    def trouble(self, act: tuple[str, dict[str, Any]]) -> None:
        getattr(self, act[0])(**act[1])

    @rule(act=CITIZENS)
    def a_citizen_acts(self, act: tuple[str, dict[str, Any]]) -> None:
        getattr(self, act[0])(**act[1])

    @rule(act=OPERATORS)
    def an_operator_acts(self, act: tuple[str, dict[str, Any]]) -> None:
        getattr(self, act[0])(**act[1])

    # What always holds.

    @invariant()
    def holds(self) -> None:
        self.failed = True
        self.check()
        self.failed = False

    def check(self) -> None:
        found = SimpleNamespace(**self.world.eye.execute(_ALL).one()._mapping)
        rows = {row["number"]: SimpleNamespace(**_moments(row)) for row in found.applications}
        told: dict[str, list[Event]] = {number: [] for number in rows}
        for row in found.events:
            told[row["application"]].append(Event(**{name: _moments(row)[name] for name in Event.__dataclass_fields__}))
        outcomes, runs, called = (
            [SimpleNamespace(**row) for row in each] for each in (found.outcomes, found.runs, found.called)
        )
        assert set(rows) == set(self.numbers), "an application is lost"
        self.nobody_ends_twice(rows, told)
        self.outcomes_never_change({(o.application, o.step, o.revision): vars(o) for o in outcomes})
        self.nothing_is_written_twice()
        for number, row in rows.items():
            story = rebuild(told[number])

            def current(each: Any, row: Any = row, number: str = number) -> bool:
                return bool(each.application == number and each.revision == row.revisions.get(each.step, 1))

            kept = {
                "state": row.state,
                "waiting_for": row.waiting_for,
                "until": row.until,
                "pending": row.pending,
                "revisions": row.revisions,
                "form_version": row.form_version,
                "closed_at": row.closed_at,
                "outcomes": {each.step: each.outcome for each in outcomes if current(each)},
                "runs": {each.step: each.state for each in runs if current(each)},
                "incidents": {(each.step, each.kind) for each in called if each.application == number},
            }
            assert {name: getattr(story, name) for name in kept} == kept, "events and tables tell different stories"

    def nobody_ends_twice(self, rows: dict[str, Any], told: dict[str, list[Event]]) -> None:
        for number, row in rows.items():
            closings = [each.state for each in told[number] if each.state in CLOSED]
            assert closings == ([row.state] if row.state in CLOSED else [])
            if row.closed_at:
                end = (row.state, row.closed_at)
                assert self.ended.setdefault(number, end) == end

    def outcomes_never_change(self, found: dict[tuple[str, str, int], dict[str, Any]]) -> None:
        assert found == {**found, **self.outcomes}, "an outcome changed or is gone"
        self.outcomes = found

    def nothing_is_written_twice(self) -> None:
        for key, times in self.world.office.writes.items():
            assert times <= 1 + self.forced[key], f"{key} took effect {times} times"

    # The end.

    def teardown(self) -> None:
        if self.failed:
            return
        world = self.world
        world.office.away.clear()
        world.airflow.away = world.airflow.mumbles = False
        for agency in AGENCIES:
            world.kill_gateway(agency, 1)
        self.until_quiet()
        self.holds()
        with transaction(world.db) as connection:
            found = incidents.listing(connection, limit=500)
        called = {each.application for each in found if each.kind != "standard_breached"}
        stopped = any(each.kind == "agency_stopped" for each in found)
        limbo = {n: state for n, state in self.open().items() if not (n in called or stopped)}
        assert not limbo, f"they wait for ever, and nobody was called: {limbo}"
        for _ in range(12):
            if not self.operators_act():
                break
            self.until_quiet()
            self.holds()
        assert not self.open(), "an operator could not bring it to an end"
        self.everything_is_accounted_for()
        self.seen.update(self.world.eye.execute(text("SELECT action FROM event")).scalars())
        self.seen["examples"] += 1

    def operators_act(self) -> bool:
        """Take the way out of every open incident; whether there was any."""
        with transaction(self.world.db) as connection:
            found = incidents.listing(connection, limit=500)
        for each in found:
            if each.kind == "agency_stopped":
                self.resume(each.agency)
                continue
            with transaction(self.world.db) as connection:
                if (
                    connection.execute(
                        text("SELECT 1 FROM incident WHERE id = :id AND resolved_at IS NULL"), {"id": each.id}
                    ).first()
                    is None
                ):
                    continue
                may = incidents.known(connection, each.id).may
            if each.kind == "overdue_task":
                with suppress(NoSuchTaskError):
                    self.world.decide(each.application, each.step, "yes")
                    continue
            way = next(do for do in ("look_up", "retry", "reject", "note") if do in may)
            self.settle_incident(each, way)
        return bool(found)

    def everything_is_accounted_for(self) -> None:
        world = self.world
        with world.db.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM outbox")).scalar() == 0
            assert connection.execute(text("SELECT count(*) FROM attempt WHERE state <> 'answered'")).scalar() == 0
            assert connection.execute(text("SELECT count(*) FROM incident WHERE resolved_at IS NULL")).scalar() == 0
            ids = set(connection.execute(text("SELECT id FROM event")).scalars())
            doubtful = {
                (row.application, row.step, row.revision)
                for row in connection.execute(
                    text(
                        "SELECT application, step, revision FROM event WHERE action IN ('step.failed', 'outcome.late')"
                    )
                )
            }
            last = {
                row.number: row.revisions
                for row in connection.execute(text("SELECT number, revisions FROM application"))
            }
        for message in world.bus.all(OUTCOMES):
            told = f"{message.envelope.id}/{message.envelope.data['outcome']}"
            assert told in ids or f"{told}/late" in ids, f"{told} was passed over in silence"
        done = {key for key, outcome in self.outcomes.items() if outcome["outcome"] == "done"}
        for number in self.numbers:
            for step in WRITES:
                for revision in range(1, last[number].get(step, 1) + 1):
                    written = world.office.writes[
                        OPERATION[step], our_reference(world.keys.blind(number), step, revision)
                    ]
                    about = (number, step, revision)
                    assert written or about not in done, f"{about} counts as done and is not"
                    assert not written or about in done or about in doubtful, f"{about} happened, and nobody knows"

    # Hands.

    def people_answer(self) -> None:
        for row in self.world.eye.execute(text("SELECT application, step FROM task WHERE closed_at IS NULL")).all():
            with suppress(NoSuchTaskError):
                self.world.decide(row.application, row.step, "yes")

    def everybody_pays(self) -> None:
        for code in sorted(self.world.office.bills.keys() - self.world.office.paid):
            self.world.office.paid.add(code)
            self.pushes += 1
            self.world.push(code, f"s{self.pushes}")

    def round(self, moods: list[str], *, everybody: bool = False) -> None:
        """Everybody does what there is to do. Who the tables say has nothing to do is asked only with `everybody`."""
        world = self.world
        to_do, _ = world.to_do()
        if everybody or "dispatcher" in to_do:
            world.work("dispatcher")
        self.drive_all()
        to_do = {*DUTIES, *AGENCIES} if everybody else world.to_do()[0]
        if "relay" in to_do:
            world.work("relay")
        for agency in AGENCIES:
            self.agency_works(agency, moods, idle=agency not in to_do)
        for partition in range(PARTITIONS):
            world.project(partition)
        for duty in ("recovery", "deadlines", "overdue", "signals", "amendments"):
            if duty in to_do:
                world.work(duty)

    def drive_all(self, *, patience: bool = True) -> None:
        """Each run goes a step further; one that carries nobody any more has ended as good as."""
        running = [(wave, run) for wave, run in self.world.airflow.runs.items() if run.state == "running"]
        carrying = self.world.to_do()[1] if running else set()
        for wave, run in running:
            if wave not in carrying:
                run.state = "success"
                continue
            for step in run.ready():
                if patience or step.name in run.begun:
                    self.world.drive(run, wave, step.name, patience=patience)

    def agency_works(self, agency: str, moods: list[str], *, idle: bool) -> None:
        world = self.world
        got = [world.gateway(agency, 0, "receive", partition=partition) for partition in range(PARTITIONS)]
        if idle and not any(got):
            return
        while world.can_call(agency, 0):
            world.office.mood = moods.pop() if moods else "yes"
            world.gateway(agency, 0, "call")
        world.office.mood = "yes"
        world.gateway(agency, 0, "settle")
        world.gateway(agency, 0, "tick")

    def until_quiet(self) -> None:
        """Everybody works, with ever longer leaps of time while nothing happens, until nothing is left to happen."""
        leaps = ("second", "lease", "hours", "days", "days")
        still, last = 0, None
        for _ in range(400):
            self.round([], everybody=still == len(leaps) - 1)
            self.drive_all(patience=False)
            now = self.happened()
            still = still + 1 if now == last else 0
            if still == len(leaps):
                return
            last = now
            self.world.turn(timedelta(**SPANS[leaps[still]]))
        raise AssertionError("it never comes to rest")

    def happened(self) -> tuple[Any, ...]:
        return tuple(self.world.eye.execute(_COUNTS).one())

    def open(self) -> dict[str, str]:
        rows = self.world.eye.execute(text("SELECT number, state FROM application"))
        return {row.number: row.state for row in rows if row.state not in CLOSED}

    def reference(self, number: str, step: str) -> str:
        """Ours for a step in its present revision."""
        query = text("SELECT revisions FROM application WHERE number = :n")
        revisions = self.world.eye.execute(query, {"n": number}).scalar_one()
        return our_reference(self.world.keys.blind(number), step, revisions.get(step, 1))

    def settle_incident(self, found: incidents.Incident, do: str) -> None:
        told = incidents.told("tidak", "no")
        way = Resolution("retry" if do == "force" else do, "r", told=told, force=do == "force")
        reference = self.reference(found.application, found.step) if found.application and found.step else None
        with suppress(CannotResolveError), transaction(self.world.db) as connection:
            incidents.resolve(connection, found.id, way, actor="user:op", now=self.world.now)
            if do == "force" and found.step in WRITES:
                self.forced[OPERATION[found.step], reference] += 1


PHASES = (Phase.generate, Phase.shrink)
PROFILES = {
    "ci": {"max_examples": 20, "stateful_step_count": 20, "derandomize": True, "database": None},
    "deep": {
        "max_examples": int(os.environ.get("SIMPUL_EXAMPLES", "1500")),
        "stateful_step_count": 25,
        "database": None,
    },
}
PROFILE = settings(
    **PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "ci")],
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=PHASES,
)


@pytest.fixture
def small_world(database_url, monkeypatch, settings):
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    made = SmallWorld(database_url, monkeypatch, settings)
    Everyone.world = made
    yield made
    made.close()


@pytest.mark.timeout(0)
def test_whatever_happens_nobody_is_lost_and_nothing_happens_twice(small_world):
    run_state_machine_as_test(Everyone, settings=PROFILE)
    never = {"step.failed", "step.lapsed", "application.completed"} - Everyone.seen.keys()
    assert not never, f"the examples do not come far: {never}"


FORM = {"nik": "1", "note": "a", "paper": False, "child": True}


def carried(world):
    """One application on its way, whose wave is lost and whose gateway dies just after the deed was registered."""
    machine = Everyone()
    world.office.deadly = {"register_birth"}
    machine.some([FORM])
    machine.all_goes_on(1, [], "wait")
    machine.airflow(0, "vanished")
    machine.all_goes_on(1, [], "wait")
    machine.turn("lease")
    for _ in range(3):
        machine.all_goes_on(8, [], "answer and pay")
        machine.check()
    machine.teardown()


def test_an_application_goes_its_way_although_a_gateway_dies(small_world):
    carried(small_world)
    assert set(small_world.office.writes.values()) == {1}


def no_attempts(world, monkeypatch):
    world.settings = world.settings.model_copy(update={"attempts": False})


def no_recovery(world, monkeypatch):
    monkeypatch.setattr(Recovery, "_give_back", lambda *_: None)


def silent_answers(world, monkeypatch):
    record = events.record
    monkeypatch.setattr(events, "record", lambda c, found: record(c, [e for e in found if e.action != "step.done"]))


def overwritten(world, monkeypatch):
    insert = bulk.insert

    def and_overwrite(connection, table, columns, rows):
        insert(connection, table, columns, rows)
        if table.name == "outcome":
            connection.execute(text("UPDATE outcome SET at = at + interval '1 second'"))

    monkeypatch.setattr(bulk, "insert", and_overwrite)


@pytest.mark.parametrize(
    ("breaks", "seen_as"),
    [
        (no_attempts, "took effect 2 times"),
        (no_recovery, "nobody was called"),
        (silent_answers, "different stories"),
        (overwritten, "an outcome changed"),
    ],
)
def test_a_ledger_that_is_broken_is_seen_as_such(small_world, monkeypatch, breaks, seen_as):
    breaks(small_world, monkeypatch)
    with pytest.raises(AssertionError, match=seen_as):
        carried(small_world)
