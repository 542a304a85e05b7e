"""Files cases over HTTP as the channels would, and is everybody whom they wait for: officers, citizens, payers.

A client of a running stack: it knows the console's API and the sandbox's controls, nothing inside.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import singledispatchmethod
from itertools import cycle
from typing import Any, Final

import requests

from simpul.embedded.scenarios import Dealt
from simpul.embedded.scenarios.scenario import Act, Amend, Answer, Decide, Fault, Pay, Withdraw

CLOSED: Final = frozenset({"completed", "rejected", "withdrawn", "lapsed"})
CHANNELS: Final = ("counter", "mobile", "kiosk", "web")
OFFICER: Final = "Petugas Contoh"
SCOPES: Final = frozenset({"intake", "read", "decide", "manage"})
"""What the key of everybody outside must allow."""
SETTINGS: Final = {
    # An agency that says nothing is waited out, and what was under way there is looked up: nobody should watch it for long.
    "SIMPUL_DUKCAPIL_CALL_DEADLINE": "4",
    "SIMPUL_DUKCAPIL_LEASE_SECONDS": "8",
}
"""For a stack on which scenarios are played."""
_PAGE = 500
_TIMEOUT = 60
_WAITS_FOR: Final[Mapping[type, tuple[str, ...]]] = {
    Decide: ("officer",),
    Answer: ("citizen",),
    Pay: ("payment",),
    Withdraw: ("officer", "citizen", "payment", "agency"),
    Amend: ("officer", "citizen", "payment", "agency"),
}


@dataclass
class Case:
    """A filed case, and what the API last said of it.

    Attributes:
        summary: Its line in the list.
        status: In whole; empty until it was looked at.
        done: Which of its acts are done.
    """

    dealt: Dealt
    number: str
    display: str = ""
    channel: str = "counter"
    summary: dict[str, Any] = field(default_factory=dict, repr=False)
    status: dict[str, Any] = field(default_factory=dict, repr=False)
    done: set[int] = field(default_factory=set, repr=False)

    @property
    def state(self) -> str:
        """Its state; `received` before the first look."""
        return str(self.summary.get("state", "received"))

    @property
    def has_ended(self) -> bool:
        """Whether it is closed, or cannot go on without an operator."""
        return self.state in CLOSED or self.state == "incident"

    @property
    def is_idle(self) -> bool:
        """Whether it waits for people who, in this scenario, do nothing."""
        whom = str(self.summary.get("waiting_for") or "")
        return self.state == "waiting" and not whom.startswith("agency") and self.due is None

    @property
    def due(self) -> int | None:
        """Which act is due now."""
        whom, step = str(self.summary.get("waiting_for") or ""), self.summary.get("waiting_step")
        if self.state != "waiting":
            return None
        for place, act in enumerate(self.dealt.filing.acts):
            if place not in self.done and act.step == step and whom.startswith(_WAITS_FOR[type(act)]):
                return place
        return None

    @property
    def outcomes(self) -> dict[str, str | None]:
        """What each step came to."""
        return {step["name"]: step["outcome"] for step in self.status.get("steps", [])}

    @property
    def problem(self) -> str:
        """How it is not as its scenario says; empty where it is."""
        end, outcomes = self.dealt.scenario.end, self.outcomes
        if self.state != end.state:
            return f"is {self.state} at {self.summary.get('waiting_for')} and should be {end.state}: {outcomes}"
        wrong = {name: outcomes.get(name) for name, wanted in end.outcomes.items() if outcomes.get(name) != wanted}
        if wrong:
            return f"came to {wrong} and should have come to {dict(end.outcomes)}"
        if end.step is None:
            return ""
        if outcomes.get(end.step) != end.state:
            return f"{end.step} came to {outcomes.get(end.step)}"
        told = next(step["reason"] for step in self.status["steps"] if step["name"] == end.step) or {}
        text = told.get("text") or {}
        if end.reason is not None and text != end.reason.model_dump():
            return f"the citizen is told {text} and should be told {end.reason.model_dump()}"
        return "" if text.get("id") and text.get("en") else f"the citizen is not told why: {told}"


class Play:
    """Everybody outside: the channels, officers, citizens and payers of one stack.

    Args:
        console_url: Where applications are filed.
        sandbox_url: Where the simulated agencies are.
        api_key: With all of `SCOPES`.
        threads: So many people act at the same time.
    """

    def __init__(self, console_url: str, sandbox_url: str, api_key: str, *, threads: int = 4) -> None:
        self._console = console_url
        self._sandbox = sandbox_url
        self._key = api_key
        self._mine = threading.local()
        self._threads = threads
        self.cases: list[Case] = []

    def file(self, dealt: Iterable[Dealt]) -> list[Case]:
        """Script the agencies' faults, then file everything."""
        dealt = list(dealt)
        for each in dealt:
            for fault in each.filing.faults:
                self._arm(fault)
        filed = self._all(self._file, zip(dealt, cycle(CHANNELS), strict=False))
        self.cases += filed
        return filed

    def adopt(self, dealt: Dealt, number: str) -> Case:
        """Take in a case that somebody else filed."""
        case = Case(dealt, number)
        self.cases.append(case)
        return case

    def listed(self, service: str | None = None) -> set[str]:
        """The numbers of the applications that there are."""
        found: set[str] = set()
        query: dict[str, Any] = {"limit": _PAGE, **({"service": service} if service else {})}
        while True:
            page = self._get("/v1/applications", **query)
            found |= {row["number"] for row in page["applications"]}
            if not page["next"]:
                return found
            query["before"] = page["next"]

    def round(self) -> None:
        """Look at every open case, and do what is due; those that have ended are looked at in whole."""
        self._look()
        self._all(self._act, [case for case in self.cases if case.due is not None])
        self._all(self.inspect, [case for case in self.cases if case.has_ended and not case.status.get("closed_at")])

    def inspect(self, case: Case) -> None:
        """Look at a case in whole."""
        with suppress(requests.RequestException):
            case.status = self._get(f"/v1/applications/{case.number}")
            waiting = case.status.get("waiting") or {}
            case.summary = {
                "state": case.status["state"],
                "waiting_for": waiting.get("what"),
                "waiting_step": waiting.get("step"),
            }

    def control(self, agency: str, control: str, body: Any = None, method: str = "POST") -> Any:
        """Use a control of a sandbox agency."""
        url = f"{self._sandbox}/_sandbox/{agency}/{control}"
        answer = self._session.request(method, url, json=body, timeout=_TIMEOUT, headers={"X-API-Key": None})
        answer.raise_for_status()
        return answer.json()

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._mine, "session"):
            self._mine.session = requests.Session()
            self._mine.session.trust_env = False
            self._mine.session.headers["X-API-Key"] = self._key
        made: requests.Session = self._mine.session
        return made

    def _all(self, work: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(work, items))

    def _arm(self, fault: Fault) -> None:
        script = {"operation": fault.operation, "match": dict(fault.match), "faults": [dict(f) for f in fault.faults]}
        self.control(fault.agency, "faults", [script])

    def _file(self, one: tuple[Dealt, str]) -> Case:
        dealt, channel = one
        body = {"service": dealt.scenario.service, "channel": channel, "form": dealt.filing.form}
        receipt = self._post("/v1/applications", body, key=uuid.uuid4().hex)
        return Case(dealt, receipt["number"], receipt["display"], channel)

    def _look(self) -> None:
        """Page through the list from the newest on, as far back as there are open cases."""
        open_cases = {case.number: case for case in self.cases if not case.has_ended}
        query: dict[str, Any] = {"limit": _PAGE}
        while open_cases:
            try:
                page = self._get("/v1/applications", **query)
            except requests.RequestException:
                # What dies is started again; so is the question.
                return
            for row in page["applications"]:
                case = open_cases.pop(row["number"], None)
                if case is not None:
                    case.summary = row
            if not page["next"]:
                return
            query["before"] = page["next"]

    def _act(self, case: Case) -> None:
        place = case.due
        if place is not None and self._does(case.dealt.filing.acts[place], case):
            case.done.add(place)

    @singledispatchmethod
    def _does(self, act: Act, case: Case) -> bool:
        """Do it; whether it is done: what was looked at a moment ago may have changed."""
        raise NotImplementedError(type(act).__name__)

    @_does.register
    def _(self, act: Decide, case: Case) -> bool:
        body = {
            "decision": act.decision,
            "by": OFFICER,
            "findings": dict(act.findings),
            "reason": act.reason.model_dump() if act.reason else None,
            "missing": list(act.missing),
        }
        return self._said(f"/v1/tasks/{case.number}/{act.step}/decision", body)

    @_does.register
    def _(self, act: Answer, case: Case) -> bool:
        return self._said(f"/v1/applications/{case.number}/answers", {"step": act.step, "answers": dict(act.answers)})

    @_does.register
    def _(self, act: Withdraw, case: Case) -> bool:
        del act
        return self._said(f"/v1/applications/{case.number}/withdraw", {})

    @_does.register
    def _(self, act: Amend, case: Case) -> bool:
        return self._said(f"/v1/applications/{case.number}/amend", {"form": dict(act.form)})

    @_does.register
    def _(self, act: Pay, case: Case) -> bool:
        status = self._get(f"/v1/applications/{case.number}")
        bill = (status.get("waiting") or {}).get("bill")
        if not bill:
            return False
        if act.tells:
            self.control("bapenda", "pay", {"nop": act.tells})
        told = {"simponi": ("billing_code", "simponi"), "bank": ("number", "bank/payment")}
        name, callback = told[act.at]
        push_to = f"{self._console}/v1/callbacks/{callback}"
        self.control(act.at, "pay", {name: bill["billing_code"], "push_to": push_to})
        return True

    def _said(self, path: str, body: Any) -> bool:
        answer = self._session.post(f"{self._console}{path}", json=body, timeout=_TIMEOUT)
        if answer.status_code in {404, 409}:
            return False
        _must_be_good(answer)
        return True

    def _post(self, path: str, body: Any, *, key: str) -> Any:
        answer = self._session.post(
            f"{self._console}{path}", json=body, headers={"Idempotency-Key": key}, timeout=_TIMEOUT
        )
        _must_be_good(answer)
        return answer.json()

    def _get(self, path: str, **query: Any) -> Any:
        answer = self._session.get(f"{self._console}{path}", params=query, timeout=_TIMEOUT)
        _must_be_good(answer)
        return answer.json()


def _must_be_good(answer: requests.Response) -> None:
    """Raise what the console says with it: which field does not fit is in the body."""
    if not answer.ok:
        raise requests.HTTPError(f"{answer.status_code}: {answer.text[:1000]}", response=answer)
